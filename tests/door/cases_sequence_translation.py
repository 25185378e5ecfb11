"""Translators."""

from ceteris.data import reversals
from ceteris.sequence import SequenceToSequence
from door.case import Case

SOURCES, TARGETS = zip(*reversals(120, longest=4), strict=True)

CASES = {
    SequenceToSequence: Case(
        lambda: SequenceToSequence(width=8, epochs=3).fit(SOURCES, TARGETS),
        lambda it: [it.predict(["abc", "zyx"], beams=2), it.align("abc")],
    ),
}
