"""Edgeworth cycles: the figures of the equilibria, cycles detected against rules, the next turn against the filter."""

from __future__ import annotations

import bench

FIGURES = {0.9: (0.213, 0.0664, 0.399, 0.500), 0.95: (0.256, 0.0657, 0.394, 0.538), 0.99: (0.291, 0.0650, 0.390, 0.565)}


def equilibria():
    from ceteris.gallery.edgeworth import quoted
    from ceteris.sequence import AlternatingDuopoly, edgeworth_cycle, kinked_demand
    from ceteris.sequence.cycles.edgeworth import CYCLE, strategy

    for discount, (a, profit, price, b) in FIGURES.items():
        cycle, kink = edgeworth_cycle(discount), kinked_demand(discount)
        found = (cycle.mixing, *cycle.long_run[:2], kink.mixing)
        away = max(abs(ours / given - 1) for ours, given in zip(found, (a, profit, price, b), strict=True))
        yield bench.at_most(f"δ = {discount}: a, profit, price and b differ from figures by", away, "share", 0.003)
        yield bench.at_most("  a firm gains by another answer", max(cycle.gain, kink.gain), "", 1e-9)
        share = quoted(discount)
        wrong = strategy({**CYCLE, 0: {0: share, 5: 1 - share}})
        gain = AlternatingDuopoly(discount).deviation_gains(wrong).max()
        yield bench.Row("  the same with the formula that is often printed", float(gain), "")


def cycles():
    from ceteris.sequence import CycleClassifier, compare_detectors, simulate_stations

    for noise in ("clean", "noisy"):
        for net in ("gru", "lstm"):
            learnt, other = (simulate_stations(600, 90, noise, seed) for seed in (0, 1))
            fit = CycleClassifier(net, random_state=0).fit(learnt.prices, learnt.cycling)
            table = compare_detectors(fit, learnt.prices, learnt.cycling, other.prices, other.cycling)
            best = table.groupby("kind")["auc"].max()
            said = f"best rule {best['rule']:.3f}, forest on all rules {best['forest of rules']:.3f}"
            if noise == "clean":
                yield bench.at_least(f"clean panel, {net}: area under the curve", best["net"], "AUC", 0.99, said)
            else:
                gap = best["net"] - best["rule"]
                yield bench.at_least(f"noisy panel, {net}: above the best rule by", gap, "AUC", 0.02, said)


def turns():
    from ceteris.sequence import compare_turns, edgeworth_cycle

    scores, _ = compare_turns(edgeworth_cycle())
    loss = scores.set_index("predictor")["log loss"]
    said = f"hazard {loss['hazard by time since a rise']:.4f}, logistic {loss['logistic, last three prices']:.4f}"
    bound = loss["filter that knows the equilibrium"]
    yield bench.at_most(
        "next reset: log loss of the net over the filter's", loss["recurrent net"] / bound, "x", 1.03, said
    )


if __name__ == "__main__":
    bench.main({"equilibria": equilibria, "cycles": cycles, "turns": turns}, __file__)
