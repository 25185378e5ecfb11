"""What fitted estimators and summaries of one screen show."""

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.exceptions import NotFittedError

from ceteris.evidence import Check
from ceteris.impute import MeanMode
from ceteris.showing import COLUMNS, LINES, screenful

TABLE = pd.DataFrame({"x": [1.5, np.nan, 3.5], "y": [1.25, 2.5, 4.5]})


def test_an_estimator_is_its_settings_and_says_what_it_learnt_once_it_is_fitted(tmp_path):
    imputer = MeanMode(random_state=3)
    assert str(imputer) == repr(imputer) == "MeanMode(random_state=3)"
    assert "sk-top-container" in imputer._repr_mimebundle_()["text/html"]
    with config_context(display="text"):
        assert "MeanMode(random_state=3)" in imputer._repr_html_()
    for act in (lambda: imputer.save(tmp_path / "a"), imputer.summary, imputer.sections, lambda: imputer.checks):
        with pytest.raises(NotFittedError):
            act()
    assert list(tmp_path.iterdir()) == []
    imputer.fit(TABLE)
    assert repr(imputer) == "MeanMode(random_state=3)"
    assert str(imputer).startswith("MeanMode, fitted to 3 rows and 2 columns.")
    assert imputer._repr_mimebundle_()["text/html"].startswith('<div class="ceteris">')


def test_a_report_of_an_estimator_holds_its_settings(tmp_path):
    imputer = MeanMode(random_state=3).fit(TABLE)
    page = imputer.report(tmp_path / "out").read_text(encoding="utf-8")
    assert "Observed and drawn" in page
    assert '"random_state": "3"' in (tmp_path / "out" / "run.json").read_text()


def test_a_screen_is_never_left_whatever_it_is_given():
    wide = pd.DataFrame(np.ones((40, 60)), columns=[f"a long name {i}" for i in range(60)])
    failed = Check("fit", False, "It does not fit. " * 20)
    text = screenful("heading " * 50, ["fact " * 200], wide, (failed, Check("other", True, "Fine.")))
    lines = text.split("\n")
    assert len(lines) <= LINES
    assert max(map(len, lines)) <= COLUMNS
    assert "! fit: It does not fit." in text  # a failed check is never cut off for a table
    assert "Fine." not in text


def test_a_table_on_a_screen_says_what_it_leaves_out():
    frame = pd.DataFrame(np.ones((14, 30)), columns=[f"column {i}" for i in range(30)])
    assert "… and 2 more rows and 19 more columns" in screenful("A table.", table=frame)
    assert "more" not in screenful("A table.", table=frame.iloc[:12, :2])
