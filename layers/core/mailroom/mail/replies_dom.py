"""Between an HTML tree and its visible lines: reading the lines with their places, and cutting the tree at a place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from html import escape
from itertools import islice
from typing import Final, Literal, NamedTuple, get_args

from lxml import etree

from mailroom.mail import replies_markup as markup
from mailroom.mail.replies_lines import PICTURE, QUOTED, UNQUOTED, Line, Quote

DEEPEST: Final = 1_000
"""Levels of nesting; the parser itself silently drops what lies below some 2,000."""

_INVALID: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


_PREFORMATTED: Final = re.compile(r"white-space:\s?(?:pre|pre-wrap|pre-line|break-spaces)\b", re.IGNORECASE)

_Context = Literal["hidden", "preformatted", "signature", "perhaps", "quote", "history"]
_QUOTES: Final[frozenset[_Context]] = frozenset({"quote", "perhaps"})
_Slot = Literal["at", "text", "tail"]


class TooDeep(Exception):
    """Nested beyond `DEEPEST`."""


Place = tuple[etree._Element, _Slot, int]
"""Where a line begins: at the element itself, or so many characters into its text or tail."""


def gather(body: etree._Element) -> None:
    """Take what was written behind the end of the body, or of the document, into the body, where it is shown."""
    _append_text(body, body.tail)
    body.tail = None
    root = body.getparent()
    behind = [*body.itersiblings(), *([] if root is None else root.itersiblings(etree.Element))]
    for element in behind:
        _append(body, element)


def _append(body: etree._Element, element: etree._Element) -> None:
    if element.tag not in {"html", "body"}:
        body.append(element)
        return
    _append_text(body, element.text)
    for child in list(element):
        _append(body, child)
    _append_text(body, element.tail)
    if (parent := element.getparent()) is not None:
        element.tail = None
        parent.remove(element)


def _append_text(body: etree._Element, text: str | None) -> None:
    if not text:
        return
    last = next(body.iterchildren(reversed=True), None)
    if last is None:
        body.text = _valid((body.text or "") + text)
    else:
        last.tail = _valid((last.tail or "") + text)


def flatten(body: etree._Element, *, preformatted: bool = False) -> tuple[list[Line], list[Place]]:
    """The visible lines of the body and where each begins. Raises `TooDeep`."""
    reader = _Reader(body, preformatted=preformatted)
    for event, element in etree.iterwalk(body, events=("start", "end", "comment", "pi")):
        if event == "start":
            reader.start(element)
        elif event == "end":
            reader.end(element)
        elif element is not body and (text := element.tail):
            reader.text(text, element, "tail")
    reader.flush()
    return reader.lines, reader.places


class _Traits(NamedTuple):
    """What a tag alone says."""

    name: str
    block: bool
    breaks: bool
    """Ends the line before it."""
    hidden: bool
    visible: bool
    """Shown without any text in it."""
    cell: bool
    ordinary: bool
    """Opens no context, unless an attribute says so."""


@lru_cache(maxsize=256)
def _traits(tag: object) -> _Traits:
    name = tag.rpartition(":")[2] if isinstance(tag, str) else ""
    return _Traits(
        name,
        block=name in markup.BLOCKS,
        breaks=name in markup.BLOCKS or name in markup.EMPTY_LINES,
        hidden=name in markup.HIDDEN,
        visible=name in markup.VISIBLE_WITHOUT_TEXT,
        cell=name in markup.CELLS,
        ordinary=name not in markup.HIDDEN and name not in {"pre", "blockquote", "includetail"},
    )


class _Reader:
    """The line being read and what it lies in."""

    def __init__(self, body: etree._Element, *, preformatted: bool) -> None:
        self.lines: list[Line] = []
        self.places: list[Place] = []
        self._body = body
        self._parts: list[str] = []
        self._place: Place | None = None
        self._inside: dict[_Context, int] = dict.fromkeys(get_args(_Context), 0)
        self._inside["preformatted"] = int(preformatted)
        self._plain = not preformatted
        self._opened: list[tuple[_Traits, Sequence[_Context]]] = []
        self._above_quote = False

    def start(self, element: etree._Element) -> None:
        if len(self._opened) >= DEEPEST:
            raise TooDeep
        traits = _traits(element.tag)
        if traits.breaks and self._parts:
            self.flush()
        opened = () if traits.ordinary and not element.attrib else self._contexts(element, traits)
        self._opened.append((traits, opened))
        if opened:
            self._count(opened, 1)
        if traits.name == "p" or (opened and not _QUOTES.isdisjoint(opened)):
            self._set_apart(element, "at")
        if traits.name == "hr":
            self._add("_" * 20, (element, "at", 0))
        elif traits.visible and not _is_pixel(element):
            self._append(PICTURE, element, "at")
        if text := element.text:
            self.text(text, element, "text")

    def end(self, element: etree._Element) -> None:
        traits, opened = self._opened.pop()
        if traits.block:
            if self._parts:
                self.flush()
        elif traits.name == "br":
            self._add("".join(self._parts), self._place or (element, "at", 0))
        elif traits.cell and self._parts:
            self._parts.append(" ")
        if opened:
            self._count(opened, -1)
        if element is self._body:
            return
        if traits.name == "p" or (opened and not _QUOTES.isdisjoint(opened)):
            self._set_apart(element, "tail")
        if text := element.tail:
            self.text(text, element, "tail")

    def text(self, text: str, element: etree._Element, slot: _Slot) -> None:
        if self._inside["hidden"]:
            return
        if not self._inside["preformatted"]:
            self._append(text, element, slot)
            return
        offset = 0
        for index, line in enumerate(text.split("\n")):
            if index:
                self._add("".join(self._parts), self._place or (element, slot, offset))
            self._append(line, element, slot, offset)
            offset += len(line) + 1

    def flush(self) -> None:
        """End the line, unless nothing visible is in it."""
        if self._place is not None:
            self._add("".join(self._parts), self._place)
        elif self._parts:
            self._parts.clear()

    def _append(self, text: str, element: etree._Element, slot: _Slot, offset: int = 0) -> None:
        if self._place is None:
            if not text or text.isspace():
                return
            self._place = (element, slot, offset)
        self._parts.append(text)

    def _count(self, contexts: Sequence[_Context], step: int) -> None:
        for context in contexts:
            self._inside[context] += step
        self._plain = not any(self._inside.values())

    def _add(self, text: str, place: Place, *, marker: bool = False) -> None:
        line = text.rstrip() if self._inside["preformatted"] else " ".join(text.split())
        if self._plain and line[:1] != ">":
            self.lines.append(Line(line, UNQUOTED, marker))
        else:
            self.lines.append(Line(line, self._quote(line), marker, self._inside["signature"] > 0))
        self.places.append(place)
        self._parts.clear()
        self._place = None

    def _set_apart(self, element: etree._Element, slot: _Slot) -> None:
        if self.lines and (self.lines[-1].text or self.lines[-1].marker):
            self._add("", (element, slot, 0))

    def _quote(self, line: str) -> Quote:
        if self._inside["quote"] or (self._inside["history"] and self._above_quote):
            return QUOTED
        if line.startswith(">") and not line.startswith(">From "):
            return QUOTED
        return Quote.PERHAPS if self._inside["perhaps"] else UNQUOTED

    def _contexts(self, element: etree._Element, traits: _Traits) -> list[_Context]:
        """What the element's content is inside of."""
        contexts: list[_Context] = []
        if traits.hidden:
            contexts.append("hidden")
        if traits.name == "pre" or _keeps_line_ends(element):
            contexts.append("preformatted")
        kind = markup.kind_of(element, traits.name)
        if quote := self._quote_context(element, traits.name, kind):
            contexts.append(quote)
        elif kind == "signature":
            contexts.append("signature")
        elif kind == "marker" and not (self._inside["quote"] or self._inside["history"]):
            self.flush()
            self._add("", (element, "at", 0), marker=True)
        return contexts

    def _quote_context(self, element: etree._Element, tag: str, kind: markup.Kind | None) -> _Context | None:
        if tag == "blockquote":
            self._above_quote = False
            return "quote" if kind in {"quote", "history"} or self._inside["history"] else "perhaps"
        if kind == "quote":
            return "quote"
        if kind != "history" or self._inside["quote"] or self._inside["history"]:
            return None
        self._above_quote = _holds_quote(element)
        return "history" if self._above_quote else "quote"


def remove_from(body: etree._Element, place: Place) -> None:
    """Remove everything from the place to the end of the body, and the emptiness before it."""
    element, slot, offset = _outermost(body, place)
    node = element
    if slot == "text":
        element.text = _valid((element.text or "")[:offset])
        _remove_all(list(element))
    while node is not body and (parent := node.getparent()) is not None:
        _remove_all(list(node.itersiblings()))
        if node is not element or slot == "text":
            node.tail = None
        node = parent
    if slot == "tail":
        element.tail = _valid((element.tail or "")[:offset])
    elif slot == "at":
        _remove_all([element])
    _trim_end(body)


def inner_html(element: etree._Element) -> str:
    """What lies between the element's tags."""
    children = (etree.tostring(child, encoding="unicode", method="html") for child in element)
    return escape(element.text or "", quote=False) + "".join(children)


def _outermost(body: etree._Element, place: Place) -> Place:
    """The same place, named by the outermost element that begins there."""
    element, slot, offset = place
    if slot == "tail" or (slot == "text" and ((element.text or "")[:offset].strip() or element is body)):
        return place
    while (parent := element.getparent()) is not None and parent is not body:
        if element.getprevious() is not None or (parent.text or "").strip():
            break
        element = parent
    return element, "at", 0


def _remove_all(elements: list[etree._Element]) -> None:
    for element in elements:
        parent = element.getparent()
        if parent is None:
            continue
        element.tail = None
        parent.remove(element)


def _trim_end(body: etree._Element) -> None:
    node = body
    while True:
        last = next(node.iterchildren(reversed=True), None)
        if last is None:
            node.text = _valid((node.text or "").rstrip())
            parent = node.getparent()
            if node.text or node is body or parent is None:
                return
            _remove_all([node])
            node = parent
        elif last.tail and not last.tail.isspace():
            last.tail = _valid(last.tail.rstrip())
            return
        elif not isinstance(last.tag, str) or _tag(last) in markup.EMPTY_LINES:
            _remove_all([last])
        elif _tag(last) in markup.VISIBLE_WITHOUT_TEXT or _tag(last) in markup.HIDDEN:
            last.tail = None
            return
        else:
            last.tail = None
            node = last


def _tag(element: etree._Element) -> str:
    return _traits(element.tag).name


def _is_pixel(element: etree._Element) -> bool:
    """Loaded to see that the mail is read, not to be seen."""
    return bool({element.get("width", ""), element.get("height", "")} & {"0", "1", "0px", "1px"})


def _keeps_line_ends(element: etree._Element) -> bool:
    style = element.get("style")
    return style is not None and "white-space" in style and _PREFORMATTED.search(style) is not None


def _holds_quote(element: etree._Element) -> bool:
    """Whether the history lies in a blockquote inside, so that text below that may be an answer; not so in forwards."""
    opening = "".join(islice(map(str, element.itertext()), 12)).strip()
    return not opening.startswith(("---", "___", "===")) and element.find(".//blockquote") is not None


def _valid(text: str) -> str:
    return _INVALID.sub("\ufffd", text)
