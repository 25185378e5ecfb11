"""What each item of the gallery reproduces: its title, its source, what was published, and what ``--quick`` leaves out.

Nothing is computed here, and nothing heavy is imported: ``ceteris gallery`` lists the items from these values, and a
report begins with them (`ceteris.gallery.about`). A number stands here only where its source prints it; where a source
shows a picture, its caption or text says in words what ours must show alike.
"""

from __future__ import annotations

from ceteris.gallery.claims import Claim, Item
from ceteris.gallery.items_sequence import SEQUENCES
from ceteris.gallery.items_text import TEXTS
from ceteris.gallery.items_theory import THEORY

LAUSANNE = "Introduction to machine learning and deep learning (lecture notes, University of Lausanne)"
ROBINSON = "Robinson (2025), Neural networks (Oxford Spring School)"
ZHANG = "Zhang (2025), AI for business research (course notes)"

_ITEMS = (
    Item(
        "genz",
        "Genz's test functions learnt by nets",
        "Genz (1987), six functions, as set in an exercise of Scheidegger (2021), Deep learning (summer school, "
        "Lugano)",
        "Nothing that could be compared: the exercise asks for average and maximum errors against the number of "
        "points, and prints none. The checks say what theory leads to expect.",
        "functions of 5 and 10 dimensions, samples of 50 and 500 points, and the third of 3 draws of each function",
        (12, 31),
    ),
    Item(
        "double_descent",
        "Double descent",
        "Belkin, Hsu, Ma and Mandal (2019), figure 2; Hastie, Montanari, Rosset and Tibshirani (2022), theorem 1",
        "A picture and a formula. The picture is of handwritten digits, ours of a function in ten variables, so that "
        "shapes can be compared and heights cannot. The formula is the limit as rows and features grow together.",
        "35 of 40 samples for the random features, 85 of 100 designs for the linear model",
        (5, 15),
        (
            Claim(
                "Belkin et al., figure 2",
                "With random Fourier features the test error has its peak where there are as many features as rows.",
                "peak at the interpolation threshold",
            ),
            Claim(
                "Belkin et al., figure 2",
                "Beyond the peak it falls below the best fit with fewer features than rows.",
                "second descent",
            ),
            Claim(
                "Hastie et al., theorem 1",
                "Excess risk s²γ/(1 - γ) for γ = p/n < 1, r²(1 - 1/γ) + s²/(γ - 1) beyond.",
                "theory of the isotropic model",
            ),
        ),
    ),
    Item(
        "bias_variance",
        "Bias, variance and noise",
        "Geman, Bienenstock and Doursat (1992), the decomposition of squared error",
        "An identity, not a table: squared error is the sum of squared bias, variance and noise.",
        "18,000 of 20,000 training sets",
        (3, 4),
        (
            Claim("Identity", "E(y - f̂)² = bias² + variance + noise.", "the three parts add up"),
            Claim(
                "Trade-off",
                "Stiff fits err by bias, flexible ones by variance; the best one lies between.",
                "the best degree is in between",
            ),
        ),
    ),
    Item(
        "optimisers",
        "A race of optimisers",
        "The papers that proposed each rule, from Robbins and Monro (1951) to Jordan et al. (2024)",
        "Nothing that could be compared: each paper races on problems of its own. The checks say what theory leads to "
        "expect on this one.",
        "8 of 11 rules (gradient descent, SGD and Adam stay), 400 of 500 passes, 3 of 5 starts",
        (11, 65),
    ),
    Item(
        "curves",
        "Activations and losses",
        f"{LAUSANNE}, table 1.2 and section 1.8; Huber (1964); Koenker and Bassett (1978)",
        "Numbers to two digits, of the ends of ranges and of extreme slopes. Ours stand beside them.",
        "",
        (11, 11),
        (
            Claim(
                "Table 1.2",
                "Swish begins at -0.28, GELU at -0.17, mish at -0.31; the slope of swish lies between -0.1 and 1.1.",
                "ranges and slopes on record",
            ),
            Claim(
                "Koenker and Bassett",
                "The pinball loss has the quantile as its minimiser, absolute error the median.",
                "losses estimate what they should",
            ),
        ),
    ),
    Item(
        "dropout",
        "Dropout against overfitting",
        f"Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov (2014); {ROBINSON}, two examples",
        "Two pictures, of training without and with dropout, and in words what to see in them.",
        "300 of 400 epochs and 4 of 5 starts",
        (11, 17),
        (
            Claim(
                "Robinson, without dropout",
                "The validation loss starts to stabilise while the training loss goes on falling: overfitting.",
                "without dropout the net overfits",
            ),
            Claim(
                "Robinson, with dropout",
                "Over the same number of epochs overfitting is avoided.",
                "dropout ends better",
            ),
            Claim("Robinson, with dropout", "The model takes longer to reduce the loss.", "dropout learns more slowly"),
        ),
    ),
    Item(
        "causal_bias",
        "Two biases of machine learning in causal estimates",
        "Chernozhukov et al. (2018), Econometrics Journal 21, figures 1 and 2",
        "Two pictures, histograms of estimates. Ours are of another design, in which both biases have closed forms.",
        "800 of 1,000 samples for the first bias, 850 of 1,000 for the second",
        (6, 17),
        (
            Claim(
                "Figure 1, left",
                "The plug-in estimator is biased and far from normal.",
                "the plug-in bias outgrows the noise",
            ),
            Claim("Figure 1, right", "The orthogonal one is centred.", "the orthogonal score takes it out"),
            Claim(
                "Figure 2, left",
                "With nuisances from the full sample there is a bias from overfitting.",
                "intervals of the full sample fail",
            ),
            Claim(
                "Figure 2, right",
                "With nuisances from other rows it is gone.",
                "cross-fitting takes most of the bias out",
            ),
        ),
    ),
    Item(
        "double_robustness",
        "Double robustness under wrong models",
        "Kang and Schafer (2007), Statistical Science 22, the simulated example",
        "Tables for another estimand, the mean of an outcome with missing values: their numbers cannot be compared "
        "with those of an effect. What they show can.",
        "1,800 of 2,000 samples",
        (3, 11),
        (
            Claim(
                "In theory",
                "A doubly robust estimator is consistent if one of the two models is right.",
                "one right model is enough",
            ),
            Claim(
                "Abstract",
                "Two wrong models are not necessarily better than one: none of the doubly robust methods tried "
                "improved on regression.",
                "it can be worse than the regression",
            ),
        ),
    ),
    Item(
        "regression_adjustment",
        "What covariates buy in an experiment",
        f"Lin (2013), Annals of Applied Statistics 7; Frisch and Waugh (1933); Lovell (1963); {ZHANG}, chapter 11",
        "Formulas. One of them is printed wrongly in the course notes, and is shown beside the right one.",
        "18,000 of 20,000 experiments",
        (3, 7),
        (
            Claim(
                "Lin",
                "In large samples the interacted regression is never worse than the difference in means.",
                "gains are those of the formula",
            ),
            Claim(
                "Course notes",
                "The gain is printed as |β₀|² + |β₁|², which is right only where the two are orthogonal.",
                "the printed sum is another number",
            ),
            Claim(
                "Frisch, Waugh and Lovell",
                "Residual on residual has the coefficient of the long regression.",
                "both ways agree",
            ),
        ),
    ),
    Item(
        "applications",
        "Four studies with real data",
        "LaLonde (1986) with Dehejia and Wahba (1999); Hernán and Robins (2020), chapter 12; Card (1995) with "
        "Cunningham (2021); Abadie (2003), table 2",
        "Numbers, which the tables show beside ours. Those of the same estimator must come out to the digit; those of "
        "another are a benchmark.",
        "",
        (8, 8),
        (
            Claim("Dehejia and Wahba", "1,794 dollars by the experiment.", "NSW, experiment, difference in means"),
            Claim(
                "Dehejia and Wahba",
                "-8,498 dollars against controls from a survey.",
                "NSW, survey controls, difference in means",
            ),
            Claim("Hernán and Robins", "3.44 kg by weighting.", "NHEFS, weighting"),
            Claim("Cunningham", "0.071 per year of schooling by regression.", "Card, regression"),
            Claim("Cunningham", "0.124 per year of schooling by the instrument.", "Card, instrument"),
            Claim("Abadie, table 2", "9.419 thousand dollars by two-stage least squares.", "401(k), instrument"),
        ),
    ),
    Item(
        "dedl",
        "Combinations of treatments that were never tried",
        f"Ye, Zhang, Zhang, Zhang and Zhang (2023); {ZHANG}, sections 13.3 and 13.4",
        "Words, as the course notes quote them: its errors are of experiments on a platform, with data of its own. "
        "Ours are of a simulation, where the truth is known.",
        "28 of 40 samples; the nets have one hidden layer of 16 units in place of two of 32",
        (45, 150),
        (
            Claim(
                "Section 13.3",
                "Debiasing does better than the same net without it, and than effects added up.",
                "debiasing halves the error of a net stopped early",
            ),
            Claim(
                "Section 13.4",
                "If the link is wrong, debiasing may add to the error rather than correct it.",
                "a wrong link is not repaired",
            ),
        ),
    ),
    Item(
        "heterogeneity",
        "For whom a treatment works",
        "Nie and Wager (2021), Biometrika 108, the four designs of section 4",
        "The designs. No number of the paper is compared. The errors of other packages, beside ours, were "
        "measured for this library on the same designs, and are not published figures.",
        "designs A and D, the DR-learner and the two-headed net; 5 of 8 samples, 600 of 1,000 rows in each",
        (32, 280),
    ),
    Item(
        "policies",
        "Whom to treat under a budget",
        "Athey and Wager (2021), Econometrica 89; Corbett-Davies, Pierson, Feller, Goel and Huq (2017)",
        "Methods, and no number that could be compared: the population is simulated, and its truth takes that place.",
        "9,000 of 12,000 units in each of the two samples",
        (12, 17),
    ),
    Item(
        "symmetry",
        "Ten firms or ten thousand, by symmetry",
        "Ebrahimi Kahou, Fernández-Villaverde, Perla and Sood (2025), tables 1 to 3 and figures 1 to 5",
        "Numbers in three tables and in the text, shown in columns beside ours; of the figures only the pictures, "
        "which ours must resemble.",
        "tables 2 and 3, the three points and the cost against N; of table 1 all but N = 2 and 16 with L = 1 and 4, "
        "and 18 of 21 seeds; demand with ν = 1.05 and 1.1; 240 of 256 paths; Adam and 6 of 8 starts",
        (60, 4_000),
        (
            Claim(
                "Table 1",
                "Relative errors of 1.19 to 1.91 % for N = 2 and 0.22 to 0.32 % for N = 128; without symmetry 1.36 % "
                "and 5.77 %.",
                "errors at or below those of table 1",
            ),
            Claim(
                "Table 2, deep set, L = 4", "The policy is off by 0.09 % for linear demand.", "linear-quadratic truth"
            ),
            Claim("Table 3, deep set, L = 4", "Mean squared Euler error of 4.7×10⁻⁶ for ν = 1.5.", "nonlinear demand"),
            Claim(
                "Concentration of measure",
                "The error of one draw of all shocks is normal with a variance of order 1/N.",
                "formula and simulation agree",
            ),
            Claim(
                "Implicit bias",
                "Training finds the stable solution automatically, since it is the flatter one.",
                "the start decides",
            ),
            Claim(
                "Three points in R⁵¹²",
                "Mean squared Euler error 5×10⁻⁵, policy off by 0.06 %.",
                "three points are enough",
                full=True,
            ),
            Claim(
                "Figure 3",
                "A picture: the median time of 21 solutions for each number of firms.",
                "no worse than linear",
                full=True,
            ),
            Claim(
                "Table 2",
                "Test errors of nine architectures, 3.5×10⁻⁷ to 1.2×10⁻⁶.",
                "test errors at or below those of table 2",
                full=True,
            ),
            Claim(
                "Table 3",
                "Test errors of ten architectures, 4.7×10⁻⁶ to 4.8×10⁶.",
                "test errors at or below those of table 3",
                full=True,
            ),
        ),
    ),
    Item(
        "missing",
        "Trends in a panel with holes",
        f"{ROBINSON}, figure 16; Lall and Robinson (2022)",
        "A picture, of development indicators whose imputations follow the trend of each country. Here the panel is "
        "simulated, so that the truth is known.",
        "30 of 40 countries, 1,600 of 2,000 rows of the survey; nets of 32 units that train for 30 epochs, MIDAS for "
        "10",
        (80, 100),
        (Claim("Figure 16", "Imputations follow the trend of each country.", "trends are continued"),),
    ),
    Item(
        "word_vectors",
        "Word vectors on a planted text",
        "Mikolov, Sutskever, Chen, Corrado and Dean (2013); Rodriguez and Spirling (2022)",
        "Methods and examples from real texts. Here the text is made, so that the right vectors are known, and no "
        "number can be compared.",
        "32,000 of 40,000 documents, 400 of 600 words, 7 of 10 runs",
        (10, 17),
        (
            Claim(
                "Mikolov et al.",
                "Differences of vectors answer analogies, as of Madrid to Spain and Paris to France.",
                "analogies are found",
            ),
        ),
    ),
    Item(
        "gan",
        "Generative adversarial nets and lost modes",
        "Goodfellow et al. (2014); Gulrajani et al. (2017); the ring of Metz et al. (2017), figure 2",
        "A picture: points drawn as training goes on, in a row for each of two games. Our modes are wider, and the "
        "second game is another one.",
        "8 of 10 starts, 700 of 1,500 rounds",
        (31, 78),
        (
            Claim(
                "Metz et al., figure 2",
                "Under the first loss the generator rotates through the modes, most of its points in one at a time.",
                "the first loss loses modes more often",
            ),
        ),
    ),
)

ITEMS = {item.name: item for item in (*_ITEMS, *THEORY, *SEQUENCES, *TEXTS)}
"""Items of the gallery by name."""
