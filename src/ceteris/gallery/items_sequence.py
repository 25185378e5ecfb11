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
        (24, 40),
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
)
