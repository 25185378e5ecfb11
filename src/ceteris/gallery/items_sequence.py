"""What the items on sequences reproduce: price cycles, and nets that learn in context."""

from __future__ import annotations

from ceteris.gallery.claims import Claim, Item

SEQUENCES = (
    Item(
        "edgeworth",
        "Edgeworth cycles and who predicts the turn",
        "Maskin and Tirole (1988), Econometrica 56; Holt, Igami and Scheidegger (2024), Journal of Law and "
        "Economics 67",
        "A game with two equilibria, and the statement that nets detect cycles which rules miss. Their panels of "
        "stations are not at hand: ours are simulated from the equilibria, with look-alikes.",
        "360 of 600 stations, 240 of 400 series",
        (24, 30),
        (
            Claim(
                "Maskin and Tirole",
                "Edgeworth cycles and a kinked demand curve are both Markov-perfect equilibria for patient firms.",
                "cycles and a focal price are both equilibria",
            ),
            Claim(
                "Holt et al.",
                "Recurrent nets detect cycles that are hard for rules and spectra.",
                "a net beats every rule in noisy panels",
            ),
        ),
    ),
    Item(
        "in_context",
        "Autoregressions learnt in context",
        "Garg, Tsipras, Liang and Valiant (2022); Von Oswald et al. (2023); Introduction to machine learning and deep "
        "learning (lecture notes, University of Lausanne), section 1.11.5",
        "Statements that hold for our nets as for theirs, and one that does not hold as printed: that softmax "
        "attention forecasts ρ x_t whatever the variance.",
        "2,200 of 3,000 updates, contexts of more than 12 values",
        (17, 165),
        (
            Claim(
                "Garg et al.",
                "Transformers trained on draws of linear problems do about as well in context as the best estimator.",
                "nearly as good as can be",
            ),
            Claim(
                "Von Oswald et al.",
                "A layer of linear attention is a step of gradient descent.",
                "one step of gradient descent is not enough",
            ),
            Claim(
                "Lecture notes, section 1.11.5",
                "The forecast of softmax attention is about ρ x_t, and σ² does not enter at first order.",
                "softmax attention tends to ρ var(x) x_t",
            ),
        ),
    ),
)
