"""What shards say of themselves: how much there is of each source, what was left out and why, what was replaced."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from ceteris.results import Check, Figure, Section, Table
from ceteris.showing import screenful

ENOUGH = 0.5  # share of documents that should stay: below it, look at the rules
SHOWN = 12


def shards_described(shards: Any) -> str:
    """Return one screen about shards."""
    return screenful(_heading(shards), _sentences(shards), sources_table(shards), shards_checks(shards))


def shards_sections(shards: Any) -> tuple[Section, ...]:
    """Return what a report shows."""
    left, tongues, personal = dropped_table(shards), languages_table(shards), personal_table(shards)
    figures = []
    if len(left):
        caption = "Documents that were left out, each for the first reason that there was."
        figures.append(Figure("What was left out", caption, left, _draw_dropped, (6.4, 1.2 + 0.35 * len(left))))
    caption = "Documents that were kept, by the language that they seem to be in; ? is none of those known."
    figures.append(Figure("Languages", caption, tongues.head(SHOWN), _draw_languages))
    tables = (
        Table("Sources", sources_table(shards)), Table("Left out, by reason", left), Table("Languages", tongues),
        Table("Personal data that were replaced", personal, "Found by their form: look at some, as names are not."),
    )  # fmt: skip
    text = "\n\n".join(_sentences(shards))
    made = Table("How they were made", _settings_table(shards))
    return (
        Section(_heading(shards).rstrip("."), text, tables, tuple(figures), shards_checks(shards)),
        Section("Settings", f"Tokenizer {shards.manifest['tokenizer'][:16]}, {shards.vocabulary:,} tokens.", (made,)),
    )


def shards_checks(shards: Any) -> tuple[Check, ...]:
    """Return what a reader must know before learning from shards."""
    facts = shards.manifest["facts"]
    read, kept = sum(facts["read"].values()), sum(facts["kept"].values())
    share = kept / max(read, 1)
    bad, where = facts["bad_bytes"], facts["first"].get("bytes that are not UTF-8", "")
    others = {reason: count for reason, count in facts["unread"].items() if reason != "bytes that are not UTF-8"}
    set_aside = sum(shards.tokens("test").values())
    sentence = (
        "Every document is UTF-8."
        if not where
        else f"{_many(facts['unread']['bytes that are not UTF-8'], 'document')} with {_many(bad, 'byte')} that "
        f"UTF-8 does not know left out, the first in {where}; convert these files."
    )
    found = [
        Check("all bytes are UTF-8", not where, sentence, float(bad), 0.0),
        Check(
            "most documents stay", share >= ENOUGH,
            f"{kept:,} of {read:,} documents were kept" + ("." if share >= ENOUGH else _look_at(facts)), share, ENOUGH,
        ),
        Check(
            "text is set aside", set_aside > 0,
            f"{set_aside:,} tokens are set aside to judge a model by" if set_aside else
            "No document was set aside to judge a model by; give a larger test_size", float(set_aside),
        ),
    ]  # fmt: skip
    if others:
        each = "; ".join(
            f"{reason}: {count:,}, the first in {facts['first'][reason]}" for reason, count in others.items()
        )
        found.append(Check("all can be read", False, f"Left out: {each}; look there.", float(sum(others.values()))))
    ended = lambda check: check.sentence if check.sentence.endswith(".") else f"{check.sentence}."
    return tuple(Check(check.name, check.passed, ended(check), check.value, check.bar) for check in found)


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' * (count != 1)}"


def _look_at(facts: dict[str, Any]) -> str:
    reasons = Counter()
    for held in facts["dropped"].values():
        reasons.update(held)
    most = reasons.most_common(1)
    return f"; most were left out for {most[0][0]!r}: look at that rule." if most else "."


# ------------------------------------------------------------------------------------------------ tables


def sources_table(shards: Any) -> pd.DataFrame:
    """Return what there is of each source."""
    facts, rows = shards.manifest["facts"], []
    total = sum(shards.tokens().values()) + sum(shards.tokens("test").values())
    kept, aside = shards.tokens(), shards.tokens("test")
    for name in facts["read"]:
        tokens = kept.get(name, 0) + aside.get(name, 0)
        rows.append(
            {
                "source": name, "read": facts["read"].get(name, 0), "kept": facts["kept"].get(name, 0),
                "MB": facts["kept_bytes"].get(name, 0) / 1e6, "tokens": tokens, "share": tokens / max(total, 1),
                "set aside": aside.get(name, 0),
            }
        )  # fmt: skip
    return pd.DataFrame(rows).sort_values("tokens", ascending=False, ignore_index=True)


def dropped_table(shards: Any) -> pd.DataFrame:
    """Return how many documents were left out for each reason, over sources and in each."""
    facts = shards.manifest["facts"]
    counts = pd.DataFrame(facts["dropped"]).fillna(0).astype(int) if facts["dropped"] else pd.DataFrame()
    read = max(sum(facts["read"].values()), 1)
    total = counts.sum(axis=1) if counts.size else pd.Series(dtype=int)
    table = pd.DataFrame({"reason": total.index, "documents": total.to_numpy(int), "share": total.to_numpy() / read})
    if counts.shape[1] > 1:
        table = pd.concat([table, counts.reset_index(drop=True)], axis=1)
    return table.sort_values("documents", ascending=False, ignore_index=True)


def languages_table(shards: Any) -> pd.DataFrame:
    """Return in which languages documents are, those that were left out included."""
    counts = Counter(shards.manifest["facts"]["languages"]).most_common()
    total = max(sum(count for _, count in counts), 1)
    rows = [{"language": name, "documents": count, "share": count / total} for name, count in counts]
    return pd.DataFrame(rows, columns=["language", "documents", "share"])


def personal_table(shards: Any) -> pd.DataFrame:
    """Return how often each kind of personal data was replaced."""
    settings, found = shards.manifest["settings"], shards.manifest["facts"]["personal"]
    return pd.DataFrame({"kind": settings["redact"], "found": [found.get(kind, 0) for kind in settings["redact"]]})


def _settings_table(shards: Any) -> pd.DataFrame:
    settings = shards.manifest["settings"]
    rows = [(name, str(value)) for name, value in settings.items() if name != "rules"]
    for name, (measure, least, most) in settings["rules"].items():
        limits = [f"{word} {limit:g}" for word, limit in (("at least", least), ("at most", most)) if limit is not None]
        rows.append((f"rule: {name}", f"{measure} {' and '.join(limits)}"))
    return pd.DataFrame(rows, columns=["setting", "value"])


# ------------------------------------------------------------------------------------------------ sentences


def _heading(shards: Any) -> str:
    tokens = sum(shards.tokens().values()) + sum(shards.tokens("test").values())
    count = len(shards.sources)
    return f"Shards of {tokens:,} tokens from {count} source{'s' * (count > 1)}, in {shards.folder}."


def _sentences(shards: Any) -> list[str]:
    facts = shards.manifest["facts"]
    tokens = sum(shards.tokens().values()) + sum(shards.tokens("test").values())
    size = sum(facts["kept_bytes"].values())
    read = f"{facts['files']:,} files with {facts['bytes'] / 1e6:,.1f} MB were read"
    skipped = Counter(facts["skipped"]).most_common(5)
    others = ", ".join(f"{count} {ending}" for ending, count in skipped)
    said = [f"{read}{f'; left out as no text: {others}' if others else ''}. A token has {size / tokens:.2f} bytes."]
    left = dropped_table(shards).head(6)
    if len(left):
        each = ", ".join(f"{reason} {count:,}" for reason, count in zip(left["reason"], left["documents"], strict=True))
        said.append(f"Left out: {each}{', …' if len(dropped_table(shards)) > 6 else ''}.")
    personal = ", ".join(f"{kind} {count:,}" for kind, count in Counter(facts["personal"]).most_common())
    said += [f"Replaced: {personal}."] if personal else []
    return said


# ------------------------------------------------------------------------------------------------ drawing


def _draw_dropped(figure: Any, data: pd.DataFrame) -> None:
    axes, place = figure.subplots(), np.arange(len(data))[::-1]
    axes.barh(place, data["documents"], 0.6)
    axes.set_yticks(place, data["reason"].astype(str).tolist())
    axes.set(xlabel="documents")


def _draw_languages(figure: Any, data: pd.DataFrame) -> None:
    axes = figure.subplots()
    axes.bar(np.arange(len(data)), data["share"], 0.6)
    axes.set_xticks(np.arange(len(data)), data["language"].astype(str).tolist())
    axes.set(ylabel="share of documents")
