"""Drawings that go into a page: only what Matplotlib draws with passes, and nothing that acts or reaches out."""

from __future__ import annotations

import re
from html import escape
from xml.parsers import expat

ELEMENTS = {
    "svg", "defs", "g", "a", "path", "use", "rect", "image", "clipPath", "pattern", "linearGradient", "stop",
    "filter", "feComposite", "feColorMatrix", "text", "tspan", "title", "style", "metadata",
}  # fmt: skip
ATTRIBUTES = {
    "id", "x", "y", "x1", "y1", "x2", "y2", "width", "height", "d", "transform", "style", "viewBox", "version",
    "fill", "fill-opacity", "stroke", "stroke-width", "opacity", "clip-path", "filter", "shape-rendering", "type",
    "values", "in", "in2", "operator", "k2", "k3", "offset", "gradientUnits", "patternUnits", "preserveAspectRatio",
}  # fmt: skip
HREF = "http://www.w3.org/1999/xlink href"
DEEPEST = 100
_HOME = "http://www.w3.org/2000/svg "
_PROLOG = re.compile(r'\s*(<\?xml\s[^?<>]*\?>)?\s*(<!DOCTYPE svg PUBLIC "[^"<>]*"\s+"[^"<>]*">)?\s*')
_STYLE = "*{stroke-linejoin: round; stroke-linecap: butt}"  # Matplotlib's own, which the page has in its style sheet
_BITMAP = re.compile(r"data:image/png;base64,[A-Za-z0-9+/=\s]*")
_INSIDE = re.compile(r"url\(#[\w.-]+\)")
_BOX = re.compile(r"0 0 \d+(\.\d+)? \d+(\.\d+)?")


def filtered(text: str) -> str:
    """Return an SVG drawing written anew from the elements and attributes that Matplotlib draws with.

    Links lose their address, and comments, metadata and the style sheet are left out. Everything else that is not on
    the list is refused: scripts, event handlers, foreign content, animations, references to other files, entities.

    Parameters
    ----------
    text : str
        One SVG document.

    Raises
    ------
    ValueError
        Says what it holds.

    Examples
    --------
    >>> filtered('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M 0 0"/></svg>')
    '<svg viewBox="0 0 9 9"><path d="M 0 0"/></svg>'
    >>> filtered('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><script/></svg>')
    Traceback (most recent call last):
    ValueError: it holds <script>
    """
    begin = text.find("<svg")
    if begin < 0 or not _PROLOG.fullmatch(text[:begin]):
        raise ValueError("it does not begin like a drawing")
    drawing = _Drawing()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = drawing.start
    parser.EndElementHandler = drawing.end
    parser.CharacterDataHandler = drawing.characters
    parser.StartDoctypeDeclHandler = parser.ProcessingInstructionHandler = drawing.refuse
    try:
        parser.Parse(text[begin:].encode("utf-8", "replace"), True)
    except expat.ExpatError as error:
        raise ValueError(f"it is no XML ({error})") from None
    return "".join(drawing.parts)


class _Drawing:
    """Collects what passes while the parser reads."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.inside: list[str] = []
        self.unclosed = False  # whether the last tag still lacks its end
        self.skipped = 0  # how many elements deep within something that is left out

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if self.skipped or name == _HOME + "metadata":
            self.skipped += 1
            return
        kind = name.removeprefix(_HOME)
        if kind not in ELEMENTS or kind == name or (kind == "svg") == bool(self.inside):
            raise ValueError(f"it holds <{name.rpartition(' ')[2][:40]}>")
        if len(self.inside) >= DEEPEST:
            raise ValueError("it is nested too deeply")
        self.inside.append(kind)
        if kind != "style":
            self.close_tag()
            self.parts.append(f"<{_shown(kind)}{_attributes(kind, attributes)}")
            self.unclosed = True

    def end(self, name: str) -> None:
        if self.skipped:
            self.skipped -= 1
            return
        kind = self.inside.pop()
        if kind != "style":
            self.parts.append("/>" if self.unclosed else f"</{_shown(kind)}>")
            self.unclosed = False

    def characters(self, text: str) -> None:
        if self.skipped or not text.strip():
            return
        if self.inside[-1] == "style":
            if text.strip() != _STYLE:
                raise ValueError("it holds a style sheet of its own")
        elif self.inside[-1] in ("text", "tspan", "title"):
            self.close_tag()
            self.parts.append(escape(text))
        else:
            raise ValueError(f"it holds text within <{self.inside[-1]}>")

    def close_tag(self) -> None:
        self.parts += [">"] if self.unclosed else []
        self.unclosed = False

    def refuse(self, *_: object) -> None:
        raise ValueError("it holds instructions to the reader of the file")


def _shown(kind: str) -> str:
    return "g" if kind == "a" else kind


def _attributes(kind: str, given: dict[str, str]) -> str:
    if kind == "svg" and not _BOX.fullmatch(given.get("viewBox", "")):
        raise ValueError("its viewBox is not that of a drawing of ours")
    if kind == "a":
        return ""
    return "".join(f' {_name(name, value)}="{escape(value)}"' for name, value in given.items())


def _name(name: str, value: str) -> str:
    """Return how an attribute is written, once its name and its value pass."""
    link = name in (HREF, "href")
    if not link and name not in ATTRIBUTES:
        raise ValueError(f"it holds an attribute {name.rpartition(' ')[2][:40]!r}")
    if link and not (re.fullmatch(r"#[\w.-]+", value) or _BITMAP.fullmatch(value)):
        raise ValueError(f"it refers to {value[:40]!r}")
    rest = _INSIDE.sub("", value)
    if not link and re.search(r"url|[\\@<>]|/\*|script:|expression", rest, re.IGNORECASE):
        raise ValueError(f"it refers to {value[:40]!r}")
    return "xlink:href" if link else name
