"""Dense layers against mixtures of experts at equal compute, on a language whose entropy is known.

A text is about one of 16 topics, which its first token names; each topic has a Markov chain of its own over 32 words.
The best a model can do is the entropy of the chains, and to get there it must keep 16 tables of transitions. A mixture
of experts has room for them without more work per token: each token is sent to two of 16 small feed-forward nets. It is
held against a dense net that does as much work, and one that has as many weights and does seven times the work.

Without a loss that asks for balance, a router that once prefers some experts trains only these; how far that goes here
is shown as well.

References
----------
Shazeer, N. et al. (2017). Outrageously large neural networks: the sparsely-gated mixture-of-experts layer. ICLR. Fedus,
W., Zoph, B. and Shazeer, N. (2022). Switch transformers. JMLR 23. DeepSeek-AI (2024). DeepSeek-V3 technical report.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pandas as pd

from ceteris.engine import fit, precision
from ceteris.nets.losses import categorical_cross_entropy
from ceteris.recipe import Descend, Draws, Loss, optimiser
from ceteris.results import Check, Figure, Section, Table
from ceteris.text.models import Description, ExpertRule, LanguageModel

if TYPE_CHECKING:
    import matplotlib.figure

TOPICS, WORDS, LENGTH, BATCH = 16, 32, 24, 32
SPREAD = 2.0  # standard deviation of log transition probabilities before they are made to sum to one
EXPERTS = ExpertRule(count=16, active=2, width=32, balance=0.01)
DENSE = Description(
    vocabulary=WORDS + TOPICS, width=32, depth=1, heads=2, perceptron=64, length=LENGTH, norm="rms", positions="rotary",
    gated=True, activation="silu", head="own", bias_query=False, bias_output=False, bias_perceptron=False,
)  # fmt: skip
KINDS = {
    "dense": DENSE,
    "experts": replace(DENSE, experts=EXPERTS),
    "experts, no balance loss": replace(DENSE, experts=replace(EXPERTS, balance=0.0)),
    "dense, all weights": replace(DENSE, perceptron=EXPERTS.count * EXPERTS.width),
}


def chains(seed: int) -> np.ndarray:
    """Return log transition probabilities, shape (topics, words, words)."""
    z = SPREAD * np.random.default_rng(seed).normal(size=(TOPICS, WORDS, WORDS))
    return z - np.log(np.exp(z).sum(-1, keepdims=True))


def entropy(log_p: np.ndarray) -> float:
    """Return nats per word of the chains after their first words, which are drawn evenly, over a text.

    Examples
    --------
    >>> even = np.full((TOPICS, WORDS, WORDS), -np.log(WORDS))
    >>> bool(np.isclose(entropy(even), np.log(WORDS)))
    True
    """
    p, found = np.exp(log_p), []
    at = np.full((TOPICS, WORDS), 1 / WORDS)
    for _ in range(LENGTH - 2):
        found.append(-(at[..., None] * p * log_p).sum() / TOPICS)
        at = np.einsum("tw,twv->tv", at, p)
    return float(np.mean(found))


def texts(log_p: Any, key: Any) -> Any:
    """Draw texts: a topic, a first word, and words of the topic's chain, (BATCH, LENGTH)."""
    one, two, three = jr.split(key, 3)
    topic, first = jr.randint(one, (BATCH,), 0, TOPICS), jr.randint(two, (BATCH,), 0, WORDS)

    def follow(word: Any, key: Any) -> Any:
        following = jr.categorical(key, log_p[topic, word])
        return following, following

    rest = jax.lax.scan(follow, first, jr.split(three, LENGTH - 2))[1]
    return jnp.concatenate([WORDS + topic[:, None], first[:, None], rest.T], axis=1)


def next_word(model: Any, batch: Any, key: Any) -> tuple[Any, dict[str, Any]]:
    """Cross-entropy of words behind the first, and the balance loss with its weight."""
    found = model.run(batch[:, :-1])
    nats = jnp.mean(categorical_cross_entropy(found.outputs[:, 1:, :WORDS], batch[:, 2:]))
    rule = model.description.experts
    balance = 0.0 if rule is None else rule.balance * found.balance
    return nats + balance, {"nats": nats, "balance": found.balance}


def learnt(seed: int, updates: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Train a model of each kind; return the course of nats above the entropy, and a row for each model."""
    log_p = chains(seed)
    floor, courses, rows = entropy(log_p), [], []
    for kind, about in KINDS.items():
        with precision("single"):
            algorithm = Descend(
                eqx.Partial(LanguageModel, about), Loss(next_word),
                Draws(eqx.Partial(texts, jnp.asarray(log_p, jnp.float32))), optimiser("adam", 3e-3, clip=1.0),
            )  # fmt: skip
            run = fit(algorithm, jr.key(seed), steps=updates, every=updates)
        nats = np.array_split(np.asarray(run.history["nats"], float).ravel() - floor, 40)
        course = {"model": kind, "update": np.cumsum([len(part) for part in nats]), "excess": [a.mean() for a in nats]}
        courses.append(pd.DataFrame(course))
        part: Any = run.model.decoder.groups[0].forward
        weights = sum(a.size for a in jax.tree.leaves(eqx.filter(part, eqx.is_inexact_array)))
        rule = about.experts
        at_work = weights if rule is None else weights - part.router.size
        at_work = at_work if rule is None else at_work * rule.active // rule.count + part.router.size
        unevenness = float(np.asarray(run.history["balance"], float).ravel()[-updates // 10 :].mean())
        rows.append((kind, weights, at_work, nats[-1].mean(), unevenness if rule else np.nan))
    names = ["model", "weights", "weights at work per token", "nats above entropy", "N Σ f P"]
    return pd.concat(courses, ignore_index=True), pd.DataFrame(rows, columns=pd.Index(names))


def sections(quick: bool = False, seed: int = 0) -> tuple[Section, ...]:
    """Train and compare; see `ceteris.gallery.sections`."""
    updates = 500 if quick else 3_000
    courses, table = learnt(seed, updates)
    of: Any = table.set_index("model")["nats above entropy"]
    dense, experts, large = (float(of[kind]) for kind in ("dense", "experts", "dense, all weights"))
    uneven: Any = table.set_index("model")["N Σ f P"]
    work: Any = table.set_index("model")["weights at work per token"]
    few, many = work["experts"], work["dense, all weights"]
    text = (
        f"{updates:,} updates on {BATCH} new texts of {LENGTH} tokens each; weights are those of the feed-forward "
        f"part. Chains have an entropy of {entropy(chains(seed)):.3f} nats per word, and what a model has "
        f"above it is all it does not know.\n\nN Σ f P is one where all {EXPERTS.count} experts are used "
        f"alike, and {EXPERTS.count} where one does all the work."
    )
    checks = (
        Check("experts know more at equal compute", experts < 0.8 * dense,
              f"{experts:.3f} nats above the entropy, a dense net with as much work {dense:.3f}.",
                  experts / dense, 0.8),
        Check("experts do a fraction of the work of their weights", bool(few < many / 5),
              f"{few:,} weights work on a token, {many:,} in a dense net with as many."),
        Check("the balance loss keeps experts in use", bool(uneven["experts"] < 1.2),
              f"N Σ f P is {uneven['experts']:.2f} with it and {uneven['experts, no balance loss']:.2f} without.",
              float(uneven["experts"]), 1.2),
    )  # fmt: skip
    text += f" A dense net with as many weights has {large:.3f} nats above the entropy."
    figure = Figure("Nats above the entropy", "Means over fortieths of the updates.", courses, _draw, (7.0, 4.2))
    return (Section("Room without work", text, (Table("After training", table),), (figure,), checks),)


def _draw(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    axes = figure.subplots()
    for kind, line in zip(KINDS, ("-", "-", "--", ":"), strict=True):
        some: Any = data[data["model"] == kind]
        axes.plot(some["update"], some["excess"], line, label=kind)
    axes.set(xlabel="update", ylabel="nats above the entropy", yscale="log")
    axes.legend()
