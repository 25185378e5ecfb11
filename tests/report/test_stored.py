"""A report made again from a folder that somebody has edited: nothing from outside gets in, damage is a sentence."""

import json
import shutil

import pandas as pd
import pytest

from ceteris.report import Run, list_runs, report
from ceteris.results import Check, Figure, Section, Table

FRAME = pd.DataFrame({"x": [1.0, 2.0], "label": ["a", "b"]})


def draw(figure, data):
    figure.subplots().plot(data["x"])


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "run"
    checks = (Check("c", True, "Fine.", value=float("nan"), bar=1.0),)
    with Run.create(folder, "c", {"a": 1}, 0) as run:
        run.write([Section("S", "Text.", (Table("T", FRAME),), (Figure("F", "C", FRAME, draw),), checks)])
    return folder


@pytest.fixture
def folder(original, tmp_path):
    return shutil.copytree(original, tmp_path / "run")


def edit(folder, change, name="sections.json"):
    value = json.loads((folder / name).read_text())
    change(value)
    (folder / name).write_text(json.dumps(value))


def table(sections):
    return sections[0]["tables"][0]


def figure(sections):
    return sections[0]["figures"][0]


def test_a_folder_as_it_was_gives_the_same_page_again(folder):
    first = report(folder).read_text()
    assert report(folder).read_text() == first
    assert "1 of 1 check passed" in first
    assert first.count("<svg") == 2


@pytest.mark.parametrize(
    "name",
    [
        "../secret.csv", "tables/../../secret.csv", "/etc/passwd", "secret.csv", "run.json", "tables/a/b.csv", "",
        "tables\\..\\..\\secret.csv", "C:/secret.csv", "tables/C:secret.csv", "tables/\0", "tables/..", "//host/x.csv",
    ],
)  # fmt: skip
@pytest.mark.parametrize("part", [table, figure])
def test_a_path_that_leads_outside_is_refused(folder, name, part):
    (folder.parent / "secret.csv").write_text("a,b\nsecret,1\n")
    (folder / "secret.csv").write_text("a,b\nsecret,1\n")
    edit(folder, lambda sections: part(sections).update(data=name))
    with pytest.raises(ValueError, match=r"names a file .*, which is not one of its own; make the report again from a"):
        report(folder)
    if part is figure:
        edit(folder, lambda sections: part(sections).update(data="figures/02-f.csv", light=name))
        with pytest.raises(ValueError, match="which is not one of its own"):
            report(folder)


@pytest.mark.parametrize("name", ["tables/01-t.csv", "figures/02-f-light.svg"])
def test_a_link_that_leads_outside_is_refused(folder, name):
    outside = folder.parent / "secret"
    outside.write_bytes((folder / name).read_bytes())
    (folder / name).unlink()
    (folder / name).symlink_to(outside)
    with pytest.raises(ValueError, match="which is not one of its own"):
        report(folder)
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=r"lacks its file .*; restore it or run the command again"):
        report(folder)


def test_a_foreign_drawing_is_not_shown_and_the_page_says_so(folder):
    path = folder / "figures/02-f-dark.svg"
    path.write_text(path.read_text().replace("</svg>", "<script>alert(1)</script></svg>"))
    page = report(folder).read_text()
    assert "alert(1)" not in page
    assert "<svg" not in page
    assert "02-f-dark.svg was not drawn by ceteris, or was damaged (it holds &lt;script&gt;), and is not shown" in page
    assert "1 figure could not be drawn" in page


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda s: s.append(3), "a section's 'title' is missing"),
        (lambda s: s[0].pop("text"), "a section's 'text' is missing"),
        (lambda s: s[0].update(checks={}), "a section's 'checks' is "),
        (lambda s: s[0]["tables"].append([]), "a table's 'title' is missing"),
        (lambda s: table(s).update(kinds="number"), "a table's 'kinds' is "),
        (lambda s: table(s).update(kinds=["number", ["text"]]), "a table's 'kinds' is "),
        (lambda s: table(s).update(data=None), "a table's 'data' is "),
        (lambda s: figure(s).pop("dark"), "a figure's 'dark' is missing"),
        (lambda s: figure(s).update(error=3), "a figure's 'error' is "),
        (lambda s: s[0]["checks"][0].update(passed="yes"), "a check's 'passed' is "),
        (lambda s: s[0]["checks"][0].update(value="0"), "a check's 'value' is "),
    ],
)
def test_sections_of_another_shape_give_one_sentence(folder, change, reason):
    edit(folder, change)
    with pytest.raises(
        ValueError, match=rf"folder: .*sections.json was edited: {reason}.*, which no run writes; restore"
    ):
        report(folder)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda f: f.clear(), "its 'command' is missing"),
        (lambda f: f.update(started=3), "its 'started' is "),
        (lambda f: f.update(started="yesterday"), "its 'started' is "),
        (lambda f: f.update(seconds=float("inf")), "its 'seconds' is "),
        (lambda f: f.update(config=[1]), "its 'config' is "),
    ],
)
def test_facts_of_another_shape_give_one_sentence_and_do_not_hide_the_other_runs(folder, original, change, reason):
    edit(folder, change, "run.json")
    with pytest.raises(ValueError, match=rf"run.json was edited: {reason}.*, which no run writes; restore it"):
        Run.open(folder)
    assert "unreadable" in list_runs(folder.parent)[0].facts["status"]


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b'"', b"x\n1\n", b"x,label\none,a\n"])
def test_numbers_that_cannot_be_read_are_named(folder, content):
    (folder / "tables/01-t.csv").write_bytes(content)
    with pytest.raises(ValueError, match=r"01-t.csv cannot be read \(.*\): it was cut off or edited; restore it"):
        report(folder)
