"""Between an HTML tree and its visible lines: reading the lines with their places, and cutting the tree at a place."""

from __future__ import annotations

import re
from html import escape
from itertools import islice
from typing import Final, Literal, NamedTuple

from lxml import etree

from mailroom.mail import replies_markup as markup
from mailroom.mail.replies_lines import PICTURE, Line, Quote

DEEPEST: Final = 1_000
"""Levels of nesting; the parser itself silently drops what lies below some 2,000."""

_INVALID: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class TooDeep(Exception):
    """Nested beyond `DEEPEST`."""


class Place(NamedTuple):
    """Where a line begins: at the element itself, or so many characters into its text or tail."""

    element: etree._Element
    slot: Literal["at", "text", "tail"]
    offset: int = 0


def flatten(body: etree._Element, *, preformatted: bool = False) -> tuple[list[Line], list[Place]]:
    """The visible lines of the body and where each begins. Raises `TooDeep`."""
    reader = _Reader(body, preformatted=preformatted)
    for event, element in etree.iterwalk(body, events=("start", "end", "comment", "pi")):
        if event == "start":
            reader.start(element)
        elif event == "end":
            reader.end(element)
        elif element is not body:
            reader.text(element.tail, Place(element, "tail"))
    reader.flush()
    return reader.lines, reader.places


class _Reader:
    """The line being read and what it lies in."""

    def __init__(self, body: etree._Element, *, preformatted: bool) -> None:
        self.lines: list[Line] = []
        self.places: list[Place] = []
        self._body = body
        self._preformatted = int(preformatted)
        self._parts: list[str] = []
        self._place: Place | None = None
        self._depth = 0
        self._hidden = 0
        self._signatures = 0
        self._perhaps = 0
        self._quotes = 0
        self._history = 0
        self._lead = False
        self._closers: list[tuple[str, ...]] = []

    def start(self, element: etree._Element) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise TooDeep
        tag = _tag(element)
        opened = self._open(element, tag)
        self._closers.append(opened)
        if tag in markup.BLOCKS or tag in markup.EMPTY_LINES:
            self.flush()
        if "_quotes" in opened or "_perhaps" in opened or tag == "p":
            self._add("", Place(element, "at"))
        if tag == "hr":
            self._add("_" * 20, Place(element, "at"))
        if tag in markup.VISIBLE_WITHOUT_TEXT and not _is_pixel(element):
            self._append(PICTURE, Place(element, "at"))
        self.text(element.text, Place(element, "text"))

    def end(self, element: etree._Element) -> None:
        self._depth -= 1
        tag = _tag(element)
        if tag in markup.BLOCKS:
            self.flush()
        elif tag == "br":
            self._add("".join(self._parts), self._place or Place(element, "at"))
        elif tag in markup.CELLS and self._parts:
            self._parts.append(" ")
        opened = self._closers.pop()
        for name in opened:
            setattr(self, name, getattr(self, name) - 1)
        if element is not self._body:
            if "_quotes" in opened or "_perhaps" in opened or tag == "p":
                self._add("", Place(element, "tail"))
            self.text(element.tail, Place(element, "tail"))

    def text(self, text: str | None, place: Place) -> None:
        if not text or self._hidden:
            return
        if not self._preformatted:
            self._append(text, place)
            return
        offset = 0
        for index, line in enumerate(text.split("\n")):
            if index:
                self._add("".join(self._parts), self._place or place._replace(offset=offset))
            self._append(line, place._replace(offset=offset))
            offset += len(line) + 1

    def flush(self) -> None:
        """End the line, unless nothing visible is in it."""
        if self._place is not None:
            self._add("".join(self._parts), self._place)
        self._parts.clear()

    def _append(self, text: str, place: Place) -> None:
        if self._place is None:
            if text.isspace() or not text:
                return
            self._place = place
        self._parts.append(text)

    def _add(self, text: str, place: Place, *, marker: bool = False) -> None:
        line = text if self._preformatted else " ".join(text.split())
        self.lines.append(Line(line, self._quote(line), marker, self._signatures > 0))
        self.places.append(place)
        self._parts.clear()
        self._place = None

    def _quote(self, line: str) -> Quote:
        if self._quotes or (self._history and self._lead) or (line.startswith(">") and not line.startswith(">From ")):
            return Quote.YES
        return Quote.PERHAPS if self._perhaps else Quote.NONE

    def _open(self, element: etree._Element, tag: str) -> tuple[str, ...]:
        """Note what the element is; the names of the counters it raised."""
        raised = ["_hidden"] if tag in markup.HIDDEN else []
        if tag == "pre" or "pre" in _white_space(element):
            raised.append("_preformatted")
        kind = markup.kind_of(element, tag)
        if kind == "history" and tag != "blockquote" and not (self._quotes or self._history):
            raised.append("_history" if _holds_quote(element) else "_quotes")
            self._lead = raised[-1] == "_history"
        elif kind in {"quote", "history"} or (tag == "blockquote" and self._history):
            raised.append("_quotes")
            self._lead = self._lead and tag != "blockquote"
        elif tag == "blockquote":
            raised.append("_perhaps")
        elif kind == "signature":
            raised.append("_signatures")
        elif kind == "marker" and not (self._quotes or self._history):
            self.flush()
            self._add("", Place(element, "at"), marker=True)
        for name in raised:
            setattr(self, name, getattr(self, name) + 1)
        return tuple(raised)


def remove_from(body: etree._Element, place: Place) -> None:
    """Remove everything from the place to the end of the body, and the emptiness before it."""
    element, slot, offset = _outermost(body, place)
    if slot == "text":
        element.text = _valid((element.text or "")[:offset])
        _remove_all(list(element))
    elif slot == "tail":
        element.tail = _valid((element.tail or "")[:offset])
    following = list(element.itersiblings()) if element is not body else []
    parent = element.getparent()
    if slot == "at":
        _remove_all([element])
    _remove_all(following)
    if slot == "text":
        element.tail = None if element is not body else element.tail
    while parent is not None and parent is not body and element is not body:
        following = list(parent.itersiblings())
        parent.tail = None
        parent = parent.getparent()
        _remove_all(following)
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
    return Place(element, "at")


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
    return element.tag.rpartition(":")[2].lower() if isinstance(element.tag, str) else ""


def _is_pixel(element: etree._Element) -> bool:
    """Loaded to see that the mail is read, not to be seen."""
    return bool({element.get("width", ""), element.get("height", "")} & {"0", "1", "0px", "1px"})


def _white_space(element: etree._Element) -> str:
    style = element.get("style")
    found = re.search(r"white-space:\s?(pre|pre-wrap|pre-line|break-spaces)\b", style, re.IGNORECASE) if style else None
    return found[1].lower() if found else ""


def _holds_quote(element: etree._Element) -> bool:
    """Whether the history lies in a blockquote inside, so that text below that may be an answer; not so in forwards."""
    opening = "".join(islice(map(str, element.itertext()), 12)).strip()
    return not opening.startswith(("---", "___", "===")) and element.find(".//blockquote") is not None


def _valid(text: str) -> str:
    return _INVALID.sub("\ufffd", text)
