"""What the items on sequences reproduce: cycles, learning in context, gradients, no skill, weather, maps, digits."""

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
    Item(
        "vanishing_gradients",
        "Vanishing and exploding gradients",
        "Hochreiter and Schmidhuber (1997); Pascanu, Mikolov and Bengio (2013); Jozefowicz, Zaremba and Sutskever "
        "(2015); Introduction to machine learning and deep learning (lecture notes, University of Lausanne), section "
        "1.11",
        "Statements, no numbers: the slope of gradients is the logarithm of the spectral radius, and gated cells learn "
        "what plain ones cannot.",
        "the GRU's learning, 2 of 3 delays, 300 of 600 updates, 2 of 3 starts",
        (15, 75),
        (
            Claim(
                "Pascanu et al.; lecture notes",
                "Gradients vanish or explode like a power of the spectral radius.",
                "the slope is the log of the spectral radius",
            ),
            Claim(
                "Lecture notes, eq. (1.34)",
                "Along the memory lane gradients flow as if the sequence were shorter, where the gates keep.",
                "the memory lane keeps gradients",
            ),
            Claim(
                "Hochreiter and Schmidhuber",
                "LSTM bridges long time lags.",
                "gated nets that keep learn over 100 steps",
            ),
            Claim(
                "Hochreiter and Schmidhuber",
                "Plain recurrent nets do not bridge them.",
                "the plain net fails over 100 steps",
            ),
        ),
    ),
    Item(
        "bitcoin",
        "A bitcoin forecast without skill",
        "CSCS-USI Summer School (2021), Introduction to deep learning, exercise on bitcoin",
        "R² of .9999 in training and .967 in validation for prices of minutes, and of -.591 for returns. The coin's "
        "data are in no package: ours are a simulated random walk.",
        "120,000 of 160,000 minutes, 4 of 8 epochs",
        (10, 15),
        (
            Claim("Exercise", "R² of prices is .9999 in training.", "R² of levels is close to one"),
            Claim("Exercise", "R² of returns is -.591.", "R² of changes is not above zero"),
            Claim("Exercise", "Predicting prices is easy, and useless.", "a high R² is no skill"),
        ),
    ),
    Item(
        "weather",
        "Temperatures hours ahead",
        "CSCS-USI Summer School (2021), Introduction to deep learning, exercise on weather",
        "A task without a number: forecast temperatures various hours ahead from those of Jena, five days of them. "
        "These are in no package: ours are generated, so that the best forecast is known.",
        "5 of 6 passes over the windows",
        (16, 38),
        (
            Claim(
                "Exercise",
                "Recurrent nets predict the temperature at various intervals into the future; no figure is given.",
                "the net beats persistence and climatology",
            ),
        ),
    ),
    Item(
        "attention_maps",
        "Where attention looks",
        "Bahdanau, Cho and Bengio (2015), figure 3; Introduction to machine learning and deep learning (lecture notes, "
        "University of Lausanne), section 1.11.4",
        "Pictures and statements, and one worked example whose weights are printed wrong: they sum to 1.035.",
        "14,000 of 20,000 dates, half of their width, 18 of 30 passes over the months",
        (40, 70),
        (
            Claim(
                "Bahdanau et al., figure 3",
                "What is written is aligned with where it stands in the source.",
                "each field is looked up where it stands",
            ),
            Claim(
                "Lecture notes, section 1.11.4",
                "In time-series models heads focus on the most recent analogue of the current month.",
                "a head finds the same month of the year before",
            ),
            Claim(
                "Lecture notes, section 1.11.4",
                "Scores of .9, .1 and 1 have weights of about .405, .182 and .448.",
                "weights of the example",
            ),
        ),
    ),
    Item(
        "digits_convolution",
        "Convolution on digits",
        "LeCun, Bottou, Bengio and Haffner (1998), Proceedings of the IEEE 86",
        "Errors on MNIST: .95 percent for LeNet-5, 4.7 for a perceptron, 12 for a linear classifier. Ours are of the "
        "small digits of scikit-learn, so that only the order can be compared.",
        "20 of 40 epochs, 2 of 3 starts, 2 of 3 folds",
        (10, 43),
        (
            Claim(
                "LeCun et al.",
                "A convolutional net has fewer errors than a perceptron and a linear classifier.",
                "the convolutional net has the fewest errors",
            ),
        ),
    ),
)
