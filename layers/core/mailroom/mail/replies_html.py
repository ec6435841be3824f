"""History in HTML mail: the document is brought into lines that know their place in it, cut like text, and written again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from lxml import etree

from mailroom.mail.replies_dom import TooDeep, flatten, gather, inner_html, remove_from
from mailroom.mail.replies_lines import find_cut

LONGEST_HTML: Final = 5_000_000
"""Characters. A longer body comes back unchanged, and so does one with more than `MOST_TAGS` tags."""
MOST_TAGS: Final = 60_000
MOST_ATTRIBUTES: Final = 1_000
"""On one element. The parser takes time quadratic in them, so a body long enough for that to be felt is surveyed first."""
_SURVEYED: Final = 30_000

_DOCUMENT: Final = re.compile(r"<(?:!doctype|html|head|body)\b", re.IGNORECASE)
_BREAKS: Final = re.compile(r"<(?:br|p|div|table|blockquote|li|h[1-6])\b", re.IGNORECASE)


def extract(html: str) -> str:
    """See `replies.extract_html`."""
    if len(html) > LONGEST_HTML or html.count("<") > MOST_TAGS:
        return html
    try:
        return _extract(html)
    except (etree.LxmlError, TooDeep):
        return html


def _extract(html: str) -> str:
    data = html.replace("\x00", "").encode("utf-8", "replace")
    if len(data) > _SURVEYED and _most_attributes(data) > MOST_ATTRIBUTES:
        return html
    root = _parse(data)
    body = root.find("body")
    if body is None:
        return html
    gather(body)
    lines, places = flatten(body, preformatted=_BREAKS.search(html) is None)
    cut = find_cut(lines)
    if cut is None:
        return html
    remove_from(body, places[cut])
    if _DOCUMENT.search(html):
        return etree.tostring(root.getroottree(), encoding="unicode", method="html")
    head = root.find("head")
    return ("" if head is None else inner_html(head)) + inner_html(body)


class _Survey:
    """Parser target that builds no tree, and so takes linear time."""

    def __init__(self) -> None:
        self.most = 0

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self.most = max(self.most, len(attributes))

    def close(self) -> int:
        return self.most


def _most_attributes(data: bytes) -> int:
    survey = _Survey()
    etree.fromstring(data, etree.HTMLParser(encoding="utf-8", huge_tree=True, target=survey))  # type: ignore[arg-type]
    return survey.most


def _parse(data: bytes) -> etree._Element:
    # Bytes and a stated encoding: an encoding declaration inside a str is an error, inside bytes it is overruled.
    parser = etree.HTMLParser(encoding="utf-8", huge_tree=True, default_doctype=False)  # type: ignore[call-arg]
    root = etree.fromstring(data, parser)
    if root is None:
        raise etree.ParserError("no element in it")
    return root
