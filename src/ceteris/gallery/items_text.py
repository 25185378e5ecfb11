"""What the items on language models reproduce: sparse attention, mixtures of experts."""

from __future__ import annotations

from ceteris.gallery.claims import Claim, Item

TEXTS = (
    Item(
        "sparse_attention",
        "Full attention, windows and sparse attention",
        "Yuan et al. (2025), Native sparse attention, ACL",
        "Speed on an accelerator and quality of a model of 27 billion weights. Ours is a processor and a task with one "
        "answer, so that only statements can be compared.",
        "texts longer than 2,048 tokens, 150 of 600 updates, half the length of what is recalled from",
        (60, 120),
        (
            Claim(
                "Yuan et al.",
                "Sparse attention is as good as full attention where what matters is far away.",
                "sparse attention recalls as full attention does",
            ),
            Claim(
                "Yuan et al.",
                "It is cheaper, the more so the longer the text.",
                "sparse attention is cheaper in long texts",
            ),
        ),
    ),
    Item(
        "mixture_of_experts",
        "Dense layers and mixtures of experts",
        "Shazeer et al. (2017), ICLR; Fedus, Zoph and Shazeer (2022), JMLR 23",
        "Statements about models of billions of weights. Ours have 50,000 and a language whose entropy is known.",
        "2,500 of 3,000 updates",
        (45, 150),
        (
            Claim(
                "Shazeer et al.",
                "At equal compute a mixture of experts is better than a dense layer.",
                "experts know more at equal compute",
            ),
            Claim(
                "Fedus et al.",
                "A loss N Σ f P keeps the load of experts even.",
                "the balance loss keeps experts in use",
            ),
        ),
    ),
)
