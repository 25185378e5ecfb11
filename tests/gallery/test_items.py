"""What the gallery says of its items, held against what the items do and against the documentation."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import ceteris.gallery
from ceteris.gallery import NAMES
from ceteris.gallery.about import LEFT_OUT, about
from ceteris.gallery.items import ITEMS, Claim, Item
from ceteris.gallery.listing import begun, judged, listing, spent
from ceteris.results import Check, Section

HOME = Path(ceteris.gallery.__file__).parent
DOCS = Path(__file__).parents[2] / "docs" / "gallery.md"


def source_of(name: str) -> str:
    """The text of an item's modules."""
    return "\n".join(path.read_text() for path in sorted(HOME.glob(f"{name}*.py")))


def made_up(**changes) -> Item:
    claims = (Claim("Table 1", "An error of 2.", "error"), Claim("Figure 3", "It falls.", "falls", full=True))
    told = {"left_out": "three of four seeds", "seconds": (2, 30), "claims": claims} | changes
    return Item("toy", "A toy", "Nobody (1999), table 1", "Numbers and a picture.", **told)


def test_every_item_has_a_module_a_title_in_words_and_a_source_with_a_year():
    for name, item in ITEMS.items():
        assert (HOME / f"{name}.py").is_file()
        assert "_" not in item.title
        assert re.search(r"\((19|20)\d\d\)", item.source) or (item.name == "curves" and "1978" in item.source)
        assert 0 < item.seconds[0] <= item.seconds[1]
        assert (item.seconds[0] == item.seconds[1]) == (not item.left_out)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_claimed_is_checked(name):
    text = source_of(name)
    for claim in ITEMS[name].claims:
        stem = re.sub(r" \d$", "", claim.check)  # "... of table 2" is made from its number
        stem = stem.split(", ", 1)[-1] if name == "applications" else stem  # "Card, instrument" from its study
        assert f'"{stem}' in text, claim


@pytest.mark.parametrize("name", NAMES)
def test_numbers_of_what_is_left_out_are_those_of_the_code(name):
    # "18,000 of 20,000": the second is the full version's, the first what the quick one has less
    text = source_of(name).replace("_", "")
    for less, full in re.findall(r"([\d,]+) of ([\d,]+)", ITEMS[name].left_out):
        less, full = (int(n.replace(",", "")) for n in (less, full))
        if full in (3, 8, 11):  # the number of rules, draws or starts is the length of a list, or in words
            continue
        assert re.search(rf"\b{full}\b", text), full
        assert re.search(rf"\b{full - less}\b", text), full - less


def test_the_table_of_the_documentation_is_that_of_the_items():
    rows = [f"| `{i.name}` | {i.title} | {i.source} | {spent(i)} |" for i in ITEMS.values()]
    table = "\n".join(["| name | what it shows | source | CPU time |", "|---|---|---|---|", *rows])
    assert table in DOCS.read_text(), f"docs/gallery.md should hold\n{table}"


def test_the_listing_fits_its_width_and_names_every_item_with_its_source():
    for width in (60, 100):
        text = listing(width)
        assert max(map(len, text.splitlines())) <= width
        names = [line.split()[0] for line in text.splitlines() if line and not line.startswith(" ")]
        assert names[: len(NAMES)] == list(NAMES)
    assert "Kang and Schafer (2007)" in text


def test_the_listing_imports_nothing_that_computes():
    heavy = "[name for name in ('jax', 'pandas', 'numpy', 'matplotlib') if name in sys.modules]"
    code = (
        f"import atexit, sys; from ceteris.cli import main; atexit.register(lambda: print({heavy})); main(['gallery'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_first_section_puts_the_published_beside_ours():
    found = [Section("Errors", checks=(Check("error", False, "The error is 3."), Check("falls", True, "It falls.")))]
    section = about(made_up(), found, quick=False)
    assert section.title == "What this reproduces"
    assert section.text == "Source: Nobody (1999), table 1.\n\nWhat was published: numbers and a picture."
    (table,) = section.tables
    assert table.frame.to_numpy().tolist() == [
        ["Table 1", "An error of 2.", "Error: The error is 3.", "fail"],
        ["Figure 3", "It falls.", "Falls: It falls.", "pass"],
    ]


def test_the_quick_version_says_first_what_it_leaves_out():
    section = about(made_up(), [Section("Errors", checks=(Check("error", True, "It is 2."),))], quick=True)
    assert section.text.startswith("--quick leaves out: three of four seeds.\n\nSource: ")
    assert section.tables[0].frame.iloc[1].tolist() == ["Figure 3", "It falls.", LEFT_OUT, ""]
    assert about(made_up(left_out=""), [], quick=True).text.startswith("--quick leaves out nothing here.")


def test_without_claims_there_is_no_table():
    assert about(made_up(claims=()), [], quick=False).tables == ()


def test_what_is_said_at_the_start():
    assert begun(made_up(), quick=True).splitlines() == [
        "A toy",
        "Source: Nobody (1999), table 1.",
        "--quick leaves out: three of four seeds.",
        "This takes about 2 s of CPU time, the first time.",
    ]
    assert begun(made_up(), quick=False).splitlines()[-1] == "This takes about 30 s of CPU time, the first time."


def test_what_is_said_at_the_end_names_what_failed():
    checks = (Check("a", True, "Fine."), Check("b", None, "Nobody knows."))
    assert judged([Section("Two", checks=checks)]) == "1 of 2 checks passed.\nnot judged: b. Nobody knows."
