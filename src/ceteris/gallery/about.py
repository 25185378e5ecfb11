"""The first section of an item: what it reproduces, what was published, and what the quick version leaves out."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ceteris.gallery.items import Claim, Item
from ceteris.gallery.listing import omitted
from ceteris.results import Check, Section, Table

LEFT_OUT = "left out by --quick"


def about(item: Item, found: Sequence[Section], quick: bool) -> Section:
    """Say what an item reproduces, with what was published beside the sentence of the check that is held against it.

    Parameters
    ----------
    item : Item
        Its title, source and claims.
    found : sequence of Section
        What was computed; the checks are looked up there.
    quick : bool
        Whether this is the quick version.
    """
    checks = {check.name: check for section in found for check in section.checks}
    rows = [[claim.where, claim.published, *ours(claim, checks)] for claim in item.claims]
    frame = pd.DataFrame(rows, columns=pd.Index(["where", "published", "ours", "check"]))
    published = item.published[0].lower() + item.published[1:]
    text = [*omitted(item, quick), f"Source: {item.source}.", f"What was published: {published}"]
    tables = (Table("What was published, and ours", frame),) if rows else ()
    return Section("What this reproduces", "\n\n".join(text), tables)


def ours(claim: Claim, checks: dict[str, Check]) -> tuple[str, str]:
    """Return name and sentence of the check held against a claim, and its verdict."""
    check = checks.get(claim.check)
    return (f"{check.name[0].upper()}{check.name[1:]}: {check.sentence}", check.verdict) if check else (LEFT_OUT, "")
