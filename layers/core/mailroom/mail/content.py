"""Which parts of a mail are its text, its HTML and its attachments (spec: messages.md, "Receiving").

A part is an attachment when it says so, has a file name, or is neither text/plain nor text/html. Of alternatives the first of each
kind counts. Elsewhere a reader sees all inline texts one below the other (text, picture, text; a mailing list's footer), so they
are joined.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from mailroom.mail.limits import Budget
from mailroom.mail.params import parse_params, safe_filename
from mailroom.mail.tree import Part, children

_TOKEN = re.compile(r"[a-z0-9_-]+")


@dataclass(slots=True)
class Leaf:
    part: Part
    disposition: str
    """`inline`, `attachment` or empty when the part does not say."""
    filename: str | None
    related: bool = False
    """Stands beside the HTML that shows it."""

    @property
    def content_type(self) -> str:
        return self.part.content_type


@dataclass(slots=True)
class Content:
    text: list[Leaf] = field(default_factory=list)
    html: list[Leaf] = field(default_factory=list)
    attachments: list[Leaf] = field(default_factory=list)


def find_content(part: Part, budget: Budget) -> Content:
    """Walks the tree below `part`; what comes after an exhausted budget is left out."""
    content = Content()
    if part.is_multipart and not budget.allows_depth(part.depth + 1):
        content.attachments.append(_leaf(part))
    elif part.is_multipart and (parts := children(part, budget)) is not None:
        if part.subtype == "alternative":
            _alternatives(parts, content, budget)
        else:
            _sequence(parts, content, budget, related=part.subtype == "related")
    else:
        _place(_leaf(part), content, only=part.depth == 0)
    return content


def _alternatives(parts: Iterable[Part], content: Content, budget: Budget) -> None:
    for part in parts:
        choice = find_content(part, budget)
        for chosen, offered in ((content.text, choice.text), (content.html, choice.html)):
            if chosen:
                content.attachments += offered
            else:
                chosen += offered
        content.attachments += choice.attachments


def _sequence(parts: Iterable[Part], content: Content, budget: Budget, *, related: bool) -> None:
    for index, part in enumerate(parts):
        found = find_content(part, budget)
        if related and index:
            _set_beside(found)
        content.text += found.text
        content.html += found.html
        content.attachments += found.attachments


def _set_beside(found: Content) -> None:
    for leaf in found.attachments:
        leaf.related = True
    for texts in (found.text, found.html):
        shown = [leaf for leaf in texts if leaf.part.header.first("content-id") is not None]
        texts[:] = [leaf for leaf in texts if leaf not in shown]
        found.attachments += shown


def _place(leaf: Leaf, content: Content, *, only: bool) -> None:
    if leaf.disposition == "attachment" or (leaf.filename and not (only and not leaf.disposition)):
        content.attachments.append(leaf)
    elif leaf.content_type == "text/plain" or leaf.part.is_multipart:
        content.text.append(leaf)
    elif leaf.content_type == "text/html":
        content.html.append(leaf)
    else:
        content.attachments.append(leaf)


def _leaf(part: Part) -> Leaf:
    disposition, params = parse_params(part.header.first("content-disposition"))
    if disposition != "inline":
        # An unknown disposition is treated as an attachment (RFC 2183, 2.8), one that is not even a token as none.
        disposition = "attachment" if _TOKEN.fullmatch(disposition) else ""
    filename = safe_filename(params.get("filename")) or safe_filename(part.params.get("name"))
    return Leaf(part, disposition, filename)
