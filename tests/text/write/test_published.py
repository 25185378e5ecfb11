"""Every family that writes against transformers: greedy, greedy with padding on the left, four beams.

The answers are in `truth/language.npz`. Texts there have a least length, which is also their length;
`test_transformers.py` has texts that end.
"""

import numpy as np
import pytest

from ceteris.text.files import load
from ceteris.text.write.beams import search_tokens
from ceteris.text.write.choosing import ChoiceNumbers, ChoiceRule
from ceteris.text.write.decoding import write_tokens
from published import every, folder_of, kept, truth

QUICK = ("gpt2", "qwen3", "t5")  # the others are compiled for half a minute together
WRITES = [
    pytest.param(name, marks=() if name in QUICK else pytest.mark.slow)
    for name in every()
    if kept(name, "greedy") is not None
]
END, LENGTH = 2, 8
RULE = ChoiceRule(False, False, False, (END,), 0)
NUMBERS = ChoiceNumbers(
    *np.ones(5, np.float32), least=np.asarray(LENGTH), seed=np.zeros((), np.uint32), own=np.zeros((3, 2), np.uint32)
)


@pytest.mark.parametrize("name", WRITES)
def test_what_is_written_is_what_transformers_writes(name, tmp_path):
    model = load(folder_of(name, tmp_path), dtype="float32").model.apart()
    greedy, beams = truth(name, "greedy"), truth(name, "beams")
    write = lambda tokens, mask: write_tokens(model, tokens.astype(np.int32), mask == 1, NUMBERS, RULE, LENGTH)[0]
    if model.encoder is not None:
        tokens, mask = truth(name, "tokens"), truth(name, "mask")
        np.testing.assert_array_equal(write(tokens, mask), greedy)
    else:
        whole, tokens, mask = (truth(name, part) for part in ("whole", "left", "left_mask"))
        np.testing.assert_array_equal(write(whole, np.ones_like(whole)), greedy)
        np.testing.assert_array_equal(write(tokens, mask), truth(name, "greedy_left"))
    found, _ = search_tokens(model, tokens.astype(np.int32), mask == 1, RULE, LENGTH, 4, least=LENGTH)
    np.testing.assert_array_equal(found, beams)
