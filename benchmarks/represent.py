"""Word vectors against gensim, in speed and against a planted truth; synthetic tables; eight Gaussians in a ring."""

from __future__ import annotations

import bench

ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}


def one(*arguments):
    return bench.in_fresh_process("represent_one.py", *map(str, arguments), environment=ONE_THREAD)


def planted():
    for dimensions in (16, 50):
        found = one("words_planted", dimensions)
        yield from _speed(f"planted text, {dimensions} dimensions", found["speed"])
        mine, peer, plain = (found["quality"][who] for who in ("ours", "gensim", "plain"))
        said = f"gensim {peer['rho']:.3f}; ours without v + u, centred {plain['rho']:.3f}"
        yield bench.at_least(
            "  rank correlation with the planted truth", mine["rho"], "rho", max(0.91, peer["rho"]), said
        )
        said = f"gensim {peer['recall']:.3f}; ours without v + u, centred {plain['recall']:.3f}"
        yield bench.at_least("  share of the 10 nearest that is found", mine["recall"], "share", peer["recall"], said)


def real():
    found = one("words_real", 100)
    yield from _speed(f"documentation, {found['words']:,} words, 100 dimensions", found["speed"])
    said = f"gensim with another seed {found['gensim and gensim']:.3f}"
    yield bench.Row("  share of the 10 nearest in common with gensim", found["ours and gensim"], "share", peer=said)


def _speed(name, speed):
    said = f"{speed['ours']:,.0f} against {speed['gensim']:,.0f} words per CPU-s"
    yield bench.at_least(f"{name}: times gensim's speed", speed["ours"] / speed["gensim"], "x", 1.0, said)


def table():
    found = one("table", 2_000)
    said = f"worst of ten targets {found['worst']:.2f}; training took {found['seconds']:.0f} CPU-s"
    yield bench.at_least("mixed table: synthetic over real, scores of learners", found["ratio"], "ratio", 0.9, said)
    yield bench.Row("  mean distance of marginals", found["marginals"], "distance")
    said = f"at most {found['association, most']:.3f}"
    yield bench.Row("  mean difference of associations", found["association"], "abs", peer=said)
    yield bench.at_most("  exact copies of rows", found["copies"], "rows", 0)
    yield bench.at_most("  membership inference, area under the curve", found["attack"], "AUC", 0.55, "a coin: 0.5")


def ring():
    found = one("ring")
    said = f"{found['mean']:.1f} modes on average; {found['seconds']:.0f} CPU-s"
    yield bench.at_least("eight Gaussians: seeds of ten that find all", found["runs"], "seeds", 8, said)


if __name__ == "__main__":
    bench.main({"planted": planted, "real": real, "table": table, "ring": ring}, __file__)
