"""A description that cannot be built is refused in a sentence."""

from dataclasses import replace

import pytest

from ceteris.text.models import Description, ExpertRule, RotaryRule

TINY = Description(vocabulary=50, width=16, depth=2, heads=2, perceptron=32, length=32)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"vocabulary": 0}, "vocabulary is 0, but must be a whole number of at least 1"),
        ({"depth": 10**9}, "depth is 1000000000, but must be a whole number of at least 1 and at most 10000"),
        ({"heads": 3}, "heads is 3, but must divide the width, 16"),
        ({"key_value_heads": 3}, "key_value_heads is 3, but must divide heads, 2"),
        ({"head_size": 0.5}, "head_size is 0.5, but must be None or a whole number of at least 0"),
        ({"gated": "yes"}, "gated is 'yes', but must be True or False"),
        ({"epsilon": -1.0}, "epsilon is -1.0, but must be a number of at least 0"),
        ({"norm": "batch"}, "norm is 'batch', but must be one of layer, rms"),
        ({"positions": "learned"}, "positions is 'learned', but must be one of .*did you mean 'learnt'"),
        ({"head": "class"}, "outputs is 0, but must be a whole number of at least 1 for the head 'class'"),
        ({"windowed": (True,)}, "windowed holds 1, but must hold 2, one for each layer"),
        ({"rotary": RotaryRule(scaling="ntk")}, "RotaryRule: scaling is 'ntk', but must be one of none, linear"),
        (
            {"experts": ExpertRule(4, 5, 8)},
            "active is 5, but must be a whole number of at least 1 and at most count, 4",
        ),
    ],
)
def test_what_cannot_be_built(change, said):
    with pytest.raises(ValueError, match=said):
        replace(TINY, **change)
