"""Clustering: k-means, mixtures and a learnt embedding, how many clusters there are, and whether to rely on them.

Groups are planted, so that a clustering can be held against the truth by the adjusted Rand index: 1 is the truth, 0
what chance would give.

- k-means (ours of `ceteris.scratch.clusters`) against scikit-learn's inertia, the mixture of normals against
  scikit-learn's likelihood, both against the rule that knows the densities: no clustering can do better on average.
- The number of clusters by four methods, on designs of Tibshirani et al. and on one without clusters.
- Stability: the agreement of runs from different starts says where k-means has found something, without the truth.
- Deep embedded clustering: an autoencoder's code, centres by k-means in it, then encoder and centres moved together so
  that each point's soft assignment q (by a t distribution with one degree of freedom) comes nearer to the sharper
  p ~ q² / sum of q over points.

References
----------
Tibshirani, R., Walther, G. and Hastie, T. (2001). Estimating the number of clusters in a data set via the gap
statistic. JRSS B 63. Tibshirani, R. and Walther, G. (2005). Cluster validation by prediction strength. JCGS 14.
Rousseeuw, P. J. (1987). Silhouettes. Journal of Computational and Applied Mathematics 20. Fraley, C. and Raftery, A. E.
(2002). Model-based clustering, discriminant analysis, and density estimation. JASA 97 (the BIC). Hubert, L. and Arabie,
P. (1985). Comparing partitions. Journal of Classification 2. Xie, J., Girshick, R. and Farhadi, A. (2016). Unsupervised
deep embedding for clustering analysis. ICML.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

from ceteris.data.tables import load_table
from ceteris.engine import fit
from ceteris.gallery._plots import panels
from ceteris.gallery.clustering_numbers import DESIGNS, METHODS, k_means, numbers_table
from ceteris.nets import Coder
from ceteris.recipe import Descend, Fixed, Loss, Minibatches, optimiser
from ceteris.results import Check, Figure, Section, Table
from ceteris.scratch.clusters import NormalMixture, expectation_maximisation, lloyd, posterior

if TYPE_CHECKING:
    import matplotlib.figure

PLANTED = NormalMixture(
    np.array([0.3, 0.3, 0.4]),
    np.array([[0.0, 0.0], [0.0, 2.5], [5.0, 1.0]]),
    np.array([[[3.0, 0.0], [0.0, 0.2]], [[3.0, 0.0], [0.0, 0.2]], [[0.3, 0.0], [0.0, 1.5]]]),
)
ROWS, STARTS = 600, 20


def planted(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw points of three long normals in the plane, and which each comes from."""
    labels = rng.choice(3, size=ROWS, p=PLANTED.shares)
    roots = np.linalg.cholesky(PLANTED.covariances)
    return PLANTED.means[labels] + np.einsum("nij,nj->ni", roots[labels], rng.normal(size=(ROWS, 2))), labels


def reference(k: int, starts: int, seed: int) -> Any:
    """Return scikit-learn's k-means, unfitted."""
    settings: Any = {"n_clusters": k, "n_init": starts, "random_state": seed}
    return KMeans(**settings)


def compared(seed: int) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, float]]:
    """Cluster the planted points by each route; a table, points with labels, differences from scikit-learn."""
    rng = np.random.default_rng([seed, 0])
    x, truth = planted(rng)
    _, hard, inertia = k_means(x, 3, STARTS, rng)
    runs = [expectation_maximisation(x, k_means(x, 3, 1, rng)[1]) for _ in range(STARTS)]
    mixture, likelihoods = max(runs, key=lambda run: run[1][-1])
    soft, likelihood = posterior(x, mixture)
    known, best = posterior(x, PLANTED)
    theirs = reference(3, STARTS, seed).fit(x)
    their_mixture: Any = GaussianMixture(3, n_init=STARTS, tol=1e-7, max_iter=1_000, random_state=seed).fit(x)
    labels = {"k-means": hard, "mixture of normals": soft.argmax(1), "densities known": known.argmax(1)}
    table = pd.DataFrame(
        {
            "clustering": list(labels),
            "adjusted Rand index": [adjusted_rand_score(truth, found) for found in labels.values()],
            "inertia": [inertia, np.nan, np.nan],
            "log-likelihood per row": [np.nan, likelihood, best],
        }
    )
    against = {
        "inertia": abs(inertia / theirs.inertia_ - 1),
        "likelihood": abs(likelihood - their_mixture.score(x)),
        "fall": float(max(0, *-np.diff(likelihoods))),
    }
    points = pd.concat(
        [pd.DataFrame({"by": by, "x": x[:, 0], "y": x[:, 1], "cluster": found}) for by, found in labels.items()],
        ignore_index=True,
    )
    return table, points, against


def agreement(labels: list[np.ndarray]) -> float:
    """Mean adjusted Rand index of all pairs of clusterings."""
    return float(np.mean([adjusted_rand_score(a, b) for a, b in combinations(labels, 2)]))


def stability_table(runs: int, seed: int) -> pd.DataFrame:
    """Agreement of runs of k-means on different halves of the rows, by number of clusters.

    Each run learns centres from half of the rows, and tells all rows where they belong.
    """
    rng = np.random.default_rng([seed, 1])
    _, draw = DESIGNS["three round"]
    x, rows = np.vstack([draw(rng), draw(rng)]), []
    for k in range(2, 7):
        centres = [k_means(x[rng.permutation(200)[:100]], k, 4, rng)[0] for _ in range(runs)]
        labels = [lloyd(x, c, rounds=0)[1] for c in centres]
        rows.append({"clusters": k, "agreement of runs": agreement(labels)})
    return pd.DataFrame(rows)


# ------------------------------------------------------------------------------------------------ a learnt embedding


class Assigner(eqx.Module):
    """An encoder and centres in its code (k, latent); gives each row its share in each cluster."""

    encoder: Any
    centres: jax.Array

    def __call__(self, x: Any) -> Any:
        """Soft assignments of rows x (n, columns), by a t distribution with one degree of freedom, shape (n, k)."""
        q = 1 / (1 + jnp.sum((self.encoder(x)[:, None] - self.centres) ** 2, -1))
        return q / q.sum(-1, keepdims=True)


def reconstruction(coder, x, key):
    """Mean squared error of the rows that the decoder makes of the codes."""
    return jnp.mean((coder.decoder(coder.encoder(x)) - x) ** 2), {}


def sharpening(model, x, key):
    """Divergence of the soft assignments from what they would be if they were sharper (Xie et al.)."""
    q = model(x)
    p = q**2 / q.sum(0)
    p = jax.lax.stop_gradient(p / p.sum(1, keepdims=True))
    return jnp.mean(jnp.sum(p * (jnp.log(p + 1e-12) - jnp.log(q + 1e-12)), 1)), {}


def folded(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, int]:
    """Draw six groups on a circle in the plane, bent into fifty noisy columns; rows, groups, latent."""
    labels, angle = rng.integers(6, size=800), 2 * np.pi * np.arange(6) / 6
    h = np.stack([np.cos(angle), np.sin(angle)], 1)[labels] + 0.15 * rng.normal(size=(800, 2))
    W, U = rng.normal(size=(2, 10)), rng.normal(size=(10, 50))
    return np.sin(np.tanh(2 * h @ W) @ U) + 0.3 * rng.normal(size=(800, 50)), labels, 2


def digits(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, int]:
    """Return scikit-learn's handwritten digits, 1,797 rows of 64 pixels; rows, groups, latent."""
    X, y = load_table("digits")
    return X.to_numpy(float), y.to_numpy(), 10


EMBEDDED = {"six groups, bent": folded, "handwritten digits": digits}


def coder(x: np.ndarray, latent: int, seed: int, epochs: int = 60) -> Coder:
    """Train an autoencoder on centred rows."""
    rule = optimiser("adam", 2e-3, schedule="cosine", updates=epochs * (len(x) // 200))
    build = eqx.Partial(Coder, x.shape[1], latent, latent, (128, 64), "swish")
    one = Descend(build, Loss(reconstruction), Minibatches(x, batch_size=200), rule)
    return fit(one, jr.key(seed), steps=epochs, every=epochs).model


def given(model: Assigner, *, key: Any) -> Assigner:
    """Return the model at hand: deep embedded clustering starts from one that is trained."""
    return model


def embedded(x: np.ndarray, k: int, latent: int, seed: int) -> dict[str, np.ndarray]:
    """Cluster rows as they are, in an autoencoder's code, and after encoder and centres moved together."""
    x = np.asarray((x - x.mean(0)) / x.std(), np.float32)  # one scale for all: pixels that are seldom dark stay small
    encoder = coder(x, latent, seed).encoder
    code = reference(k, 10, seed).fit(np.asarray(encoder(jnp.asarray(x))))
    start = Assigner(encoder, jnp.asarray(code.cluster_centers_, jnp.float32))
    deep = Descend(eqx.Partial(given, start), Loss(sharpening), Fixed(x), optimiser("adam", 1e-3))
    end: Any = fit(deep, jr.key(seed), steps=150, every=150).model
    return {
        "k-means": reference(k, 1, seed).fit_predict(x),
        "autoencoder, k-means": code.labels_,
        "deep embedded": np.asarray(end(x)).argmax(1),
    }


def embedding_table(names: tuple[str, ...], runs: int, seed: int) -> pd.DataFrame:
    """Adjusted Rand index with the truth, and between runs from different starts, for each table and method."""
    rows = []
    for name in names:
        x, truth, latent = EMBEDDED[name](np.random.default_rng([seed, 2]))
        found = [embedded(x, truth.max() + 1, latent, seed + i) for i in range(runs)]
        for method in found[0]:
            labels = [each[method] for each in found]
            index = [adjusted_rand_score(truth, each) for each in labels]
            rows.append(
                {
                    "table": name, "method": method, "with the truth": np.mean(index), "worst run": min(index),
                    "between runs": agreement(labels),
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


# --------------------------------------------------------------------------------------------- what is shown of it


def _draw_points(figure: matplotlib.figure.Figure, data: Any) -> None:
    groups = list(data.groupby("by", sort=False))
    for axes, (by, part) in zip(panels(figure, 1, len(groups), sharex=True, sharey=True), groups, strict=True):
        for _, cluster in sorted(part.groupby("cluster"), key=lambda pair: pair[1]["y"].mean()):
            axes.plot(cluster["x"], cluster["y"], ".", markersize=3)
        axes.set(title=str(by), aspect="equal")


def _draw_numbers(figure: matplotlib.figure.Figure, data: Any) -> None:
    (axes,) = panels(figure)
    table = _right(data)
    place = np.arange(len(table))
    for i, method in enumerate(METHODS):
        axes.bar(place + 0.2 * (i - 1.5), table[method], width=0.18, label=method)
    axes.set_xticks(place, [f"{row.design}\n({row.truth})" for row in table.itertuples()])
    axes.set(ylabel="share of samples with the right number", ylim=(0, 1.05))
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))


def _right(found: Any) -> Any:
    """Share of samples with the right number, a row for each design and a column for each method."""
    hit = found.assign(hit=found["found"] == found["truth"])
    table = hit.pivot_table(index=["design", "truth"], columns="method", values="hit", sort=False)
    return table[list(METHODS)].reset_index().rename_axis(columns=None)


def _draw_embedding(figure: matplotlib.figure.Figure, data: Any) -> None:
    groups = list(data.groupby("table", sort=False))
    for axes, (name, part) in zip(panels(figure, 1, len(groups), sharey=True), groups, strict=True):
        place = np.arange(len(part))
        axes.bar(place - 0.2, part["with the truth"], width=0.38, label="with the truth")
        axes.bar(place + 0.2, part["between runs"], width=0.38, label="between runs")
        axes.set_xticks(place, [str(method).replace(", ", ",\n") for method in part["method"]], fontsize="small")
        axes.set(title=str(name), ylim=(0, 1.25))
    figure.axes[0].set_ylabel("adjusted Rand index")
    figure.axes[0].legend(loc="upper left", ncols=2)


def _compared_checks(table: Any, against: dict[str, float]) -> tuple[Check, ...]:
    hard, soft, known = table["adjusted Rand index"]
    return (
        Check(
            "inertia is scikit-learn's", against["inertia"] < 1e-6,
            f"The best of {STARTS} starts has scikit-learn's inertia to {against['inertia']:.0e} of it; 1e-6 is "
            "allowed.", against["inertia"], 1e-6,
        ),
        Check(
            "likelihood is scikit-learn's", against["likelihood"] < 1e-3 and against["fall"] < 1e-6,
            f"The log-likelihood per row is scikit-learn's to {against['likelihood']:.0e}, and rose in every round.",
            against["likelihood"], 1e-3,
        ),
        Check(
            "mixtures find long clusters", soft > known - 0.05 and soft > hard + 0.1,
            f"The adjusted Rand index is {soft:.2f} for the mixture and {hard:.2f} for k-means; knowing the densities "
            f"it is {known:.2f}.", soft, known,
        ),
    )  # fmt: skip


def _number_checks(found: Any, stability: Any) -> tuple[Check, ...]:
    right = _right(found)
    gap = float(right["gap"].mean())
    best = int(stability.loc[stability["agreement of runs"] > 0.9, "clusters"].max())
    agreed = stability.set_index("clusters")["agreement of runs"]
    null = right[right["truth"] == 1].iloc[0]
    return (
        Check(
            "the gap statistic finds the number", gap >= 0.75,
            f"It is right in {gap:.0%} of the samples; 75 % are asked for.", gap, 0.75,
        ),
        Check(
            "one cluster is an answer", null["gap"] >= 0.75 and null["silhouette"] == 0,
            f"Where there are no clusters, the gap statistic says so in {null['gap']:.0%} of the samples, prediction "
            f"strength in {null['prediction strength']:.0%}; the silhouette cannot.", float(null["gap"]), 0.75,
        ),
        Check(
            "runs agree on what is there", best == 3,
            f"Runs on halves of the rows agree with up to {best} clusters, {agreed[3]:.2f} with three; with four it is "
            f"{agreed[4]:.2f}.", float(agreed[3]), 0.9,
        ),
    )  # fmt: skip


def _embedding_check(table: Any) -> Check:
    truth = table.pivot_table(index="table", columns="method", values="with the truth", sort=False)
    gain = truth["deep embedded"] - truth["autoencoder, k-means"]
    said = "; ".join(
        f"{name}: {row['autoencoder, k-means']:.2f} in the code, {row['deep embedded']:.2f} after, "
        f"{row['k-means']:.2f} without a net" for name, row in truth.iterrows()
    )  # fmt: skip
    return Check(
        "moving encoder and centres together helps", bool(gain.min() > 0),
        f"Adjusted Rand index with the truth, {said}.", float(gain.min()), 0.0,
    )  # fmt: skip


def sections(quick: bool = False, seed: int = 0) -> tuple[Section, ...]:
    """k-means and mixtures, the number of clusters, and a learnt embedding; see `ceteris.gallery.sections`."""
    designs, samples, runs = (tuple(DESIGNS)[:2], 2, 2) if quick else (tuple(DESIGNS), 20, 5)
    with threadpool_limits(1):  # small problems: a second thread would only wait for the first
        table, points, against = compared(seed)
        found = numbers_table(designs, samples, seed)
        stability = stability_table(20, seed)
        embedding: Any = embedding_table(tuple(EMBEDDED)[: 1 if quick else 2], runs, seed)
    return (
        Section(
            "k-means and mixtures",
            f"{ROWS} points of three normals, two of them long and close to each other. k-means cuts across: it looks "
            "for round clusters of one size. The mixture has a covariance for each component.",
            (Table("Clusterings of the planted points", table),),
            (
                Figure(
                    "The same points, clustered", "By k-means, by a mixture, and by the rule that knows the truth.",
                    points, _draw_points, (9.0, 3.0),
                ),
            ),
            _compared_checks(table, against),
        ),
        Section(
            "How many clusters, and are they there",
            "The gap statistic compares the inertia with that of uniform points, prediction strength asks whether half "
            "of the rows tells which of the others belong together, the silhouette whether points are nearer to their "
            "own cluster, the BIC which mixture is worth its parameters.\n\n"
            "Stability needs no truth: k-means on halves of the rows, and the agreement of the runs on all rows. It "
            "tells what is too many; too few can be as stable, since near groups are joined in the same way.",
            (
                Table(f"Share of {samples} samples with the right number", _right(found), "From one to six are tried."),
                Table("Agreement of 20 runs, three round clusters", stability, "Mean adjusted Rand index of pairs."),
            ),
            (
                Figure(
                    "Right numbers by design and method", "In brackets the true number.",
                    found, _draw_numbers, (9.0, 3.6),
                ),
            ),
            _number_checks(found, stability),
        ),
        Section(
            "A learnt embedding",
            "k-means on the columns (one start), in an autoencoder's code, and deep embedded clustering, "
            f"which moves encoder and centres together; {runs} seeds of each. The groups are known and used only to "
            "judge.\n\n"
            "A net helps where groups lie on something bent; where columns are as informative as they are, k-means on "
            "them is a peer that must be shown.",
            (Table("Agreement with the truth and between runs", embedding, "Adjusted Rand index, mean over runs."),),
            (
                Figure(
                    "Agreement with the truth and between seeds",
                    "Runs may agree with each other and not with the truth.",
                    embedding, _draw_embedding, (4.5 * embedding["table"].nunique(), 3.6),
                ),
            ),
            (_embedding_check(embedding),),
        ),
    )  # fmt: skip
