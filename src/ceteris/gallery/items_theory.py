"""What the items on the theory of deep learning reproduce, from tangent kernels to landscapes of losses."""

from __future__ import annotations

from ceteris.gallery.claims import Claim, Item

THEORY = (
    Item(
        "tangent_kernel",
        "The neural tangent kernel",
        "Jacot, Gabriel and Hongler (2018); Arora, Du, Hu, Li, Salakhutdinov and Wang (2019); Chizat, Oyallon and Bach "
        "(2019)",
        "Theorems and bounds, which hold for our nets as for theirs. Their tables are of images, and no number of them "
        "is compared.",
        "widths of 1,024 and 4,096, 12 of 20 nets, samples of 50, 100, 400 and 800 rows",
        (17, 60),
        (
            Claim(
                "Jacot et al., theorem 1",
                "The kernel of a random net tends to a kernel without randomness as its layers grow.",
                "the kernel of a wide net, hidden layers: 2",
            ),
            Claim(
                "Arora et al.",
                "A wide net trained by gradient descent predicts as regression with the exact kernel does.",
                "a lazy net is kernel regression",
            ),
            Claim(
                "Jacot et al., theorem 2",
                "While a wide net is trained, its kernel stays what it was at the start.",
                "the kernel of a lazy net stays",
            ),
            Claim(
                "Chizat et al.",
                "Whether training is lazy depends on a scale, and lazy nets do worse than those that are not.",
                "learning features saves rows",
            ),
        ),
    ),
    Item(
        "benign_overfitting",
        "Benign overfitting",
        "Bartlett, Long, Lugosi and Tsigler (2020), PNAS 117; Mallinar, Simon, Abedsoltan, Pandit, Belkin and Nakkiran "
        "(2022)",
        "Bounds with constants that are not given, and which tails of eigenvalues are benign, tempered or "
        "catastrophic. Beside them stand exact expectations, ours.",
        "samples of 400 rows, 10 of 30 designs, 16,000 of 20,000 eigenvalues",
        (6, 75),
        (
            Claim(
                "Bartlett et al., the bounds",
                "The variance is s²(k*/n + n/R_k*) up to constants, from above and from below.",
                "variance by effective ranks",
            ),
            Claim(
                "Bartlett et al., the tails",
                "Eigenvalues 1/(i ln^b i) are benign for b > 1; so is a flat tail that is long and light enough.",
                "benign: the flat tail",
            ),
            Claim(
                "Mallinar et al.",
                "Eigenvalues that fall like a power, faster than 1/i, are tempered: the risk tends to a multiple of "
                "the noise.",
                "tempered: the power tail",
            ),
            Claim(
                "Mallinar et al.",
                "Eigenvalues that fall faster than any power are catastrophic: risk grows without bound.",
                "catastrophic: the exponential tail",
            ),
        ),
    ),
    Item(
        "clustering",
        "Clustering, and how many clusters",
        "Tibshirani, Walther and Hastie (2001), JRSS B 63; Tibshirani and Walther (2005); Xie, Girshick and Farhadi "
        "(2016)",
        "Designs and methods. The designs are redrawn, so that shares of right answers are ours; the tables of the "
        "third paper are of larger images and text, and only what does better than what can be compared.",
        "two of four designs, 18 of 20 samples, 3 of 5 seeds, handwritten digits",
        (19, 70),
        (
            Claim(
                "Tibshirani et al. (2001)",
                "The gap statistic can say that there is but one cluster, where most methods cannot.",
                "one cluster is an answer",
            ),
            Claim(
                "Tibshirani et al. (2001)",
                "It finds the number of clusters where they are well separated.",
                "the gap statistic finds the number",
            ),
            Claim(
                "Xie et al.",
                "Deep embedded clustering does better than k-means in the code of the same autoencoder.",
                "moving encoder and centres together helps",
            ),
        ),
    ),
    Item(
        "loss_landscapes",
        "Loss landscapes",
        "Li, Xu, Taylor, Studer and Goldstein (2018); Garipov et al. (2018); Dinh, Pascanu, Bengio and Bengio (2017); "
        "Cohen, Kaur, Li, Kolter and Talwalkar (2021)",
        "Pictures of nets for images, of which shapes can be compared, and statements that hold for any net.",
        "the nets with 20 layers, 17,000 of 20,000 steps of gradient descent, 1,500 of 2,000 steps of the curve",
        (30, 50),
        (
            Claim(
                "Li et al.",
                "Directions normalised by filter do not depend on the scale of the weights.",
                "directions by filter do not see it",
            ),
            Claim(
                "Li et al.",
                "Without skips, the surface of a deep net is chaotic, that of a shallow one is not.",
                "depth makes the surface steep",
                full=True,
            ),
            Claim(
                "Garipov et al.",
                "Optima are connected by simple curves on which the training loss is nearly constant.",
                "a curve without a barrier",
            ),
            Claim(
                "Dinh et al.",
                "Any minimum of a ReLU net has the same function as arbitrarily sharp ones.",
                "the same function as sharp as one likes",
            ),
            Claim(
                "Cohen et al.",
                "In full-batch descent sharpness rises to 2 over the rate and hovers there.",
                "training ends at the edge of stability",
            ),
            Claim(
                "Sagun et al. (2018)",
                "The spectrum of the Hessian has a bulk around zero and few large eigenvalues.",
                "a bulk at zero and few large ones",
            ),
        ),
    ),
)
