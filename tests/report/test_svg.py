"""Drawings of ours pass unchanged to the eye; nothing that acts or reaches out does."""

import re

import numpy as np
import pandas as pd
import pytest

from ceteris.drawing import svg
from ceteris.report.svg import filtered
from ceteris.results import Figure


def everything(figure, data):
    """One of each kind of mark that Matplotlib draws in its own way."""
    x = np.linspace(0, 1, 6)
    axes = figure.subplots(3, 2).ravel()
    axes[0].scatter(x, x, c=x, s=20 * x, marker="s")
    axes[0].set_title("α & <b> $x^2_i$")
    axes[1].bar([1, 2], [3, 4], hatch="//")
    axes[1].text(1, 1, "a link", url="https://example.org")
    figure.colorbar(axes[2].imshow(np.outer(x, x)))
    axes[3].contourf(np.outer(x, x))
    axes[3].annotate("z", (0, 0), (1, 1), arrowprops={"arrowstyle": "->"})
    axes[4].pcolormesh(np.outer(x, x), shading="gouraud")
    axes[5].errorbar(x, x, yerr=0.1, fmt="o", gid="mine", label="a")
    axes[5].fill_between(x, x, x + 1, alpha=0.3)
    axes[5].legend()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_that_matplotlib_draws_passes(scheme):
    text = svg(Figure("all", "", pd.DataFrame({"x": [1]}), everything), scheme)
    passed = filtered(text)
    count = lambda tag, text: len(re.findall(rf"<{tag}\b", text))
    for tag in ("path", "use", "image", "clipPath", "pattern", "linearGradient", "stop", "rect", "filter", "defs"):
        assert count(tag, passed) == count(tag, text) > 0, tag
    numbers = lambda text: [" ".join(d.split()) for d in re.findall(r' d="([^"]*)"', text)]
    assert numbers(passed) == numbers(text)
    assert count("g", passed) == count("g", text) + count("a", text) > 0
    assert "example.org" in text
    assert "example.org" not in passed
    assert "<style" not in passed
    assert filtered(passed.replace("<svg", f"<svg {NAMES}", 1)) == passed


NAMES = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
OPEN = f'<svg {NAMES} viewBox="0 0 9 9">'


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"{OPEN}<script>alert(1)</script></svg>", "it holds <script>"),
        (f'{OPEN}<h:script xmlns:h="http://www.w3.org/1999/xhtml"/></svg>', "it holds <script>"),
        (f'{OPEN}<path xmlns="other"/></svg>', "it holds <path>"),
        (f"{OPEN}<foreignObject/></svg>", "it holds <foreignObject>"),
        (f"{OPEN}<animate/></svg>", "it holds <animate>"),
        (f"{OPEN}<set/></svg>", "it holds <set>"),
        (f"{OPEN}<svg/></svg>", "it holds <svg>"),
        (f'{OPEN}<path onload="x()"/></svg>', "an attribute 'onload'"),
        (f"{OPEN.replace('>', ' onload=' + chr(34) + chr(34) + '>', 1)}</svg>", "an attribute 'onload'"),
        (f'{OPEN}<path class="verdict"/></svg>', "an attribute 'class'"),
        (f'{OPEN}<use xlink:href="http://a.b/c.svg#d"/></svg>', "it refers to 'http"),
        (f'{OPEN}<use href="javascript:alert(1)"/></svg>', "it refers to 'javascript"),
        (f'{OPEN}<image xlink:href="data:image/svg+xml;base64,AAAA"/></svg>', "it refers to 'data:image/svg"),
        (f'{OPEN}<image xlink:href="file:///etc/passwd"/></svg>', "it refers to 'file"),
        (f'{OPEN}<path style="fill: url(http://a.b/c)"/></svg>', "it refers to 'fill: url"),
        (f'{OPEN}<path style="fill: u\\72l(x)"/></svg>', "it refers to 'fill: u"),
        (f'{OPEN}<path fill="url( //a.b/c)"/></svg>', "it refers to 'url"),
        (f'{OPEN}<path filter="url(x.svg#d)"/></svg>', "it refers to 'url"),
        (f"{OPEN}<style>@import 'http://a.b/c.css'</style></svg>", "a style sheet of its own"),
        (f"{OPEN}<style>a{{background: url(http://a.b)}}</style></svg>", "a style sheet of its own"),
        (f"{OPEN}words</svg>", "it holds text within <svg>"),
        (f"{OPEN}<![CDATA[<script>]]></svg>", "it holds text within <svg>"),
        (f'<!DOCTYPE svg [<!ENTITY a "aaa">]>{OPEN}<text>&a;</text></svg>', "does not begin like a drawing"),
        (f"<?xml-stylesheet href='a.css'?>{OPEN}</svg>", "does not begin"),
        (f"{OPEN}<?php x?></svg>", "instructions to the reader"),
        (f"{OPEN}<text>&a;</text></svg>", "it is no XML"),
        (f"{OPEN}<g></svg>", "it is no XML"),
        (f"{OPEN}</svg><script/>", "it is no XML"),
        (f"{OPEN}{'<g>' * 200}", "nested too deeply"),
        (f"<svg {NAMES}></svg>", "its viewBox"),
        (f'<svg {NAMES} viewBox="0 0 9"></svg>', "its viewBox"),
        ("", "does not begin like a drawing"),
        (f"<html>{OPEN}</svg></html>", "does not begin like a drawing"),
    ],
)
def test_what_is_not_ours_is_refused(text, reason):
    with pytest.raises(ValueError, match=re.escape(reason)):
        filtered(text)


def test_text_comes_out_as_text():
    hidden = '<!-- <script> --><metadata><a:b xmlns:a="c">words</a:b></metadata>'
    passed = filtered(f'{OPEN}<text id="&quot;">&lt;b&gt;</text>{hidden}</svg>')
    assert passed == '<svg viewBox="0 0 9 9"><text id="&quot;">&lt;b&gt;</text></svg>'
