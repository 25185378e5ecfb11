"""Tables of estimates: what stands in them is what the estimates say, in every form; what cannot be set is refused."""

import re

import numpy as np
import pytest

import ceteris
from ceteris.causal import DifferenceInMeans, EntropyBalancing, Interactive
from ceteris.estimates.layout import as_latex
from ceteris.results import About, Estimate
from ceteris.tables import read_table
from hostile import Page

RNG = np.random.default_rng(0)
PHI = RNG.normal(size=(60, 3))
ONE = Estimate(np.array([-1.25, 0.5]), PHI[:, :2], ("schooling", "age"), About("OLS", "A slope."))
TWO = Estimate(np.array([2.0, 0.1]), PHI[:, 1:], ("age", "x_1 & θ₁"), About("Lasso"), clusters=(np.arange(60) // 6,))


def columns_of_latex(text):
    rows = [
        line.removesuffix(r" \\").split(" & ") for line in text.split("\n") if line.endswith(r"\\") and " & " in line
    ]
    return [[cell.replace("$-$", "-") for cell in row] for row in rows]


def test_every_form_shows_the_numbers_of_the_estimates():
    """Read back from LaTeX and HTML, they are the estimates and standard errors."""
    table = ceteris.table(ONE, TWO, digits=6)
    names = ["schooling", "age", "x_1 & θ₁"]
    points = np.array([[-1.25, np.nan], [0.5, 2.0], [np.nan, 0.1]])
    errors = np.array([[ONE.se[0], np.nan], [ONE.se[1], TWO.se[0]], [np.nan, TWO.se[1]]])
    by_html = Page(table.html()).tables[0]
    by_latex = columns_of_latex(table.latex())
    assert [row[0] for row in by_html[1:7:2]] == names
    for shown in (by_html, by_latex):
        numbers = [[float(cell.strip("()").replace("−", "-") or "nan") for cell in row[1:]] for row in shown[1:7]]
        np.testing.assert_allclose(numbers[::2], points, atol=1e-6)
        np.testing.assert_allclose(numbers[1::2], errors, atol=1e-6)
    np.testing.assert_array_equal(table.frame().loc[("age", "std err")], errors[1])


def test_the_foot_counts_rows_and_clusters():
    latex = columns_of_latex(ceteris.table(ONE, TWO).latex())
    assert latex[-2:] == [["N", "60", "60"], ["Clusters", "", "10"]]
    assert "Clusters" not in str(ceteris.table(ONE))
    more = str(ceteris.table(ONE, TWO, facts=["method", "formula"], extra={"Controls": ["no", "yes"]}))
    assert re.search(r"Method +OLS +Lasso", more)
    assert re.search(r"Controls +no +yes", more)
    assert "Formula" not in more
    assert "N " not in more


def test_latex_is_that_of_booktabs_and_sets_letters_that_only_formulas_have():
    text = ceteris.table({"a_b": ONE, "c": TWO}, stars=[0.001]).latex("Slopes of θ", "tab:slopes")
    order = [r"\begin{table}", r"\centering", r"\caption{Slopes of $\theta$}", r"\label{tab:slopes}",
             r"\begin{tabular}{lcc}", r"\toprule", r"\midrule",
             r"\midrule", r"\bottomrule", r"\end{tabular}", r"\end{table}"]  # fmt: skip
    places = [m.start() for part in dict.fromkeys(order) for m in re.finditer(re.escape(part), text)]
    assert len(places) == len(order)
    assert places == sorted(places)
    assert r" & a\_b & c \\" in text
    assert r"x\_1 \& $\theta$$_{1}$ &  & 0.100 \\" in text
    assert "$^{*}$" in text
    assert text.count("{") == text.count("}")
    assert text.replace(r"\$", "").count("$") % 2 == 0
    assert text.isascii()
    assert r"\midrule" not in as_latex(["(1)"], [], [], ["note"]).split(r"\bottomrule")[1]


def test_stars_are_there_only_when_they_are_asked_for():
    sure = Estimate(np.array([2.0, 1.7, 0.1]), 10 * PHI / PHI.std(0) * np.sqrt(60) / 10, ("a", "b", "c"))
    assert sure.se == pytest.approx([1, 1, 1], rel=0.05)  # so that p is about .05, .09 and .92
    assert "*" not in str(ceteris.table(sure))
    shown = ceteris.table(sure, stars=True, below="p")
    marks = [cells[1].count("*") for cells in shown.cells()[0][::2]]
    assert marks == [sum(p < bar for bar in (0.1, 0.05, 0.01)) for p in sure.p_values]
    assert "* p < 0.1, ** p < 0.05, *** p < 0.01." in str(shown)


@pytest.mark.parametrize(
    ("below", "expected"),
    [
        ("se", lambda e: f"({e.se[0]:.4f})"),
        ("t", lambda e: f"({e.point[0] / e.se[0]:.4f})"),
        ("p", lambda e: f"({e.p_values[0]:.4f})"),
        ("ci", lambda e: "[{:.4f}, {:.4f}]".format(*e.conf_int(0.9)[0])),
    ],
)
def test_what_stands_below_is_what_was_asked_for(below, expected):
    body, _ = ceteris.table(ONE, below=below, level=0.9, digits=4).cells()
    assert body[1] == ["", expected(ONE)]
    assert len(ceteris.table(ONE, below=None).cells()[0]) == 2


def test_rows_are_renamed_joined_ordered_and_left_out():
    joined = ceteris.table(ONE, TWO, labels={"schooling": "years", "x_1 & θ₁": "years"})
    assert joined.rows == ("years", "age")
    assert joined.numbers[:, 0, 0].tolist() == [-1.25, 0.1]
    assert ceteris.table(ONE, TWO, keep=["age", "schooling"]).rows == ("age", "schooling")
    assert ceteris.table([ONE, TWO], drop=["age"]).rows == ("schooling", "x_1 & θ₁")
    assert ceteris.table(ONE, TWO, titles=["short", "long"]).titles == ("short", "long")


def test_notes_say_what_each_column_estimates():
    """ATE beside ATT is said: two effects are compared only if they are the same."""
    x = RNG.normal(size=(300, 2))
    d = (x[:, 0] + RNG.logistic(size=300) > 0).astype(float)
    y = d + x @ [1.0, 2.0]
    both = ceteris.table({"IPW": Interactive().fit(y=y, d=d, x=x), "EB": EntropyBalancing().fit(y=y, d=d, x=x)})
    assert "The average effect of the treatment on everybody." in both.notes[1]
    assert both.notes[2] == "EB: Entropy balancing. The average effect of the treatment on the treated."
    alone = ceteris.table(DifferenceInMeans().fit(y=y, d=d))
    assert alone.notes[1] == "Difference in means. The average effect of the treatment on everybody."
    assert ceteris.table(ONE, notes="Mine.").notes == ("Mine.",)
    assert ceteris.table(ONE, notes=False).notes == ()


def test_small_standard_errors_get_the_digits_that_they_need():
    small = Estimate(np.array([2e-5]), 1e-4 * PHI[:, :1], ("a",))
    assert float(ceteris.table(small).cells()[0][0][1]) == 2e-5
    assert re.search(r"0\.000020 +0\.000014 +1\.397 ", str(small))


def test_it_is_saved_in_the_form_that_the_name_says(tmp_path):
    table = ceteris.table(ONE, TWO)
    for ending, text in (("tex", table.latex()), ("md", table.markdown()), ("html", table.html()), ("txt", str(table))):
        assert table.save(tmp_path / "new" / f"t.{ending}").read_text(encoding="utf-8") == text + "\n"
    found = read_table(table.save(tmp_path / "t.csv")).frame
    assert found.columns.tolist() == ["row", "what", "(1)", "(2)"]
    assert float(found.loc[1, "(1)"]) == ONE.se[0]
    assert table._repr_html_() == table.html()
    with pytest.raises(
        ValueError, match=r"path ends in '\.docx', but must end in \.tex, \.md, \.html, \.csv, \.txt; ch"
    ):
        table.save(tmp_path / "t.docx")


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda: ceteris.table(), ValueError, "estimates is empty, but must hold one at least; give those"),
        (lambda: ceteris.table([]), ValueError, "estimates is empty, but must hold one at least"),
        (lambda: ceteris.table(ONE, "two"), TypeError, "estimates holds str, but must hold estimates only; give"),
        (lambda: ceteris.table(ONE, keep=["aeg"]), ValueError, "keep names 'aeg', but the rows of these estimates are "
         "'schooling', 'age'; did you mean 'age'"),
        (lambda: ceteris.table(ONE, drop=["b"]), ValueError, "drop names 'b', but the rows of these estimates are"),
        (lambda: ceteris.table(ONE, labels={"b": "c"}), ValueError, "labels names 'b', but the rows"),
        (lambda: ceteris.table(ONE, keep="age"), ValueError, r"keep is 'age', but must be a list of names; giv"),
        (lambda: ceteris.table(ONE, drop=["age", "schooling"]), ValueError, "keep and drop leave no row, but one at l"),
        (lambda: ceteris.table(ONE, labels={"age": "a", "schooling": "a"}), ValueError, "labels calls two rows of one "
         "estimate 'a', but each needs a label of its own"),
        (lambda: ceteris.table(ONE, titles=["a", "b"]), ValueError, "titles holds 2, but must hold 1, one for each"),
        (lambda: ceteris.table(ONE, below="sd"), ValueError, "below is 'sd', but must be one of se, ci, t, p"),
        (lambda: ceteris.table(ONE, level=95), ValueError, "level is 95, but must be a number above 0 and below 1"),
        (lambda: ceteris.table(ONE, stars=[5]), ValueError, "stars is 5, but must be a number above 0 and below 1"),
        (lambda: ceteris.table(ONE, facts=["n"]), ValueError, "facts is 'n', but must be one of rows, clusters"),
        (lambda: ceteris.table(ONE, extra={"a": [1, 2]}), ValueError, r"extra\['a'\] holds 2, but must hold 1, one"),
        (lambda: ceteris.table(ONE, digits=-1), ValueError, "digits is -1, but must be a whole number of at least 0"),
        (lambda: ceteris.table(ONE).latex(label="tab"), ValueError, "label is 'tab', but a table without a capt"),
        (lambda: ceteris.table(ONE).latex("a", "b c"), ValueError, "label is 'b c', but must be made of letters"),
    ],
)  # fmt: skip
def test_what_cannot_be_set_is_refused(call, error, sentence):
    with pytest.raises(error, match=sentence):
        call()
