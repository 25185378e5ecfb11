"""The table and the figure of ours and others' errors."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ceteris.gallery import heterogeneity


def means(setups):
    rows = [
        (f"Nie-Wager {s}", m, "R-learner, default", v, 0.01) for s in setups for m, v in (("RMSE", 0.2), ("CPU s", 3.0))
    ]
    return pd.DataFrame(rows, columns=["source", "measure", "estimator", "mean", "error"])


def test_others_stand_below_ours_on_the_designs_that_were_run():
    both = heterogeneity.beside_others(means("BC"), ("B", "C"))
    assert both.iloc[0].tolist() == ["ours", "R-learner, default", "B", 0.2, 0.01]
    grf = both[both["estimator"] == "R: grf's causal forest"]
    # the measurements are in the order of the four designs: B and C are the second and the third
    assert grf["RMSE"].tolist() == [0.472, 0.203]
    assert np.isnan(grf["standard error"].astype(float)).all()


def test_two_and_four_designs_are_drawn():
    for setups in ("BC", "ABCD"):
        canvas = Figure(layout="constrained")
        heterogeneity._draw(canvas, heterogeneity.beside_others(means(setups), tuple(setups)))
        assert [axes.get_title() for axes in canvas.axes] == [f"design {setup}" for setup in setups]
