"""Where the new content of a mail ends, decided on its lines. Text and HTML are both brought into lines and decided here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import islice
from typing import Final

from mailroom.mail import replies_attribution as attribution
from mailroom.mail import replies_marks as marks
from mailroom.mail.replies_attribution import Strength
from mailroom.mail.replies_words import plain

PICTURE: Final = "\ufffc"
"""Stands for a picture in a line: content, but no answer when it is alone below a quote."""

_ATTRIBUTION_LINES: Final = 5
_MOST_ATTRIBUTIONS: Final = 500
"""So many lines are looked at closely; a mail that has more of them before its history is no letter."""
_HEADER_LINES: Final = 18
_FOOTER_LINES: Final = 40
_WRAP_WIDTH: Final = 60


class Quote(IntEnum):
    """Whether a line is quoted: no, perhaps (a bare `<blockquote>`), certainly."""

    NONE = 0
    PERHAPS = 1
    YES = 2


UNQUOTED: Final = Quote.NONE
QUOTED: Final = Quote.YES
"""Looking a member up costs more than all else that is done with most lines."""


@dataclass(slots=True)
class Line:
    text: str
    """Without trailing blanks."""
    quote: Quote = UNQUOTED
    marker: bool = False
    """Known by its markup to open history that runs to the end of the mail."""
    signature: bool = False
    """Known by its markup to belong to a signature."""

    @property
    def blank(self) -> bool:
        return not self.text


def find_cut(lines: Sequence[Line]) -> int | None:
    """Index of the first line of the history; None when there is none, when it is interleaved with answers, or when nothing
    would be left."""
    opening = _find_opening(lines)
    head = lines if opening is None else lines[:opening]
    for cut in (_find_quote(head), opening, _find_below_device(head) if opening is None else None):
        if cut is None:
            continue
        cut = _without_divider(lines, cut)
        if _any_content(lines[:cut]) and _any_content(lines[cut:]):
            return cut
    return None


def _find_opening(lines: Sequence[Line]) -> int | None:
    """The first line after which everything is history, whatever it looks like."""
    past_headers = 0
    for index, line in enumerate(lines):
        if line.marker:
            return index
        if line.quote is QUOTED or not line.text or not marks.may_open(line.text):
            continue
        if marks.opens_by_title(line.text) or (marks.is_bare_title(line.text) and _header_follows(lines, index + 1)):
            return index
        if index >= past_headers and marks.header_role(line.text) is not None:
            block = marks.header_block([line.text for line in lines[index : index + _HEADER_LINES]])
            if block.opens_history(divided=_divider_above(lines, index) is not None):
                return index
            past_headers = index + block.lines  # what was too little as a whole is too little without its first line
    return None


def _header_follows(lines: Sequence[Line], start: int) -> bool:
    return any(marks.header_role(line.text) is not None for line in lines[start : start + 3])


def _divider_above(lines: Sequence[Line], index: int) -> int | None:
    for above in range(index - 1, max(-1, index - 4), -1):
        if not lines[above].blank:
            return above if marks.is_divider(lines[above].text) else None
    return None


def _without_divider(lines: Sequence[Line], cut: int) -> int:
    divider = _divider_above(lines, cut)
    return cut if divider is None else divider


def _find_quote(lines: Sequence[Line]) -> int | None:
    """The attribution above a quote that runs to the end, or the quote itself."""
    for index in islice(_attribution_ends(lines), _MOST_ATTRIBUTIONS):
        start, strength = _attribution(lines, index)
        below = _next_filled(lines, index + 1)
        if below is None or strength is Strength.NONE:
            continue
        if lines[below].quote is UNQUOTED:
            if strength is Strength.SURE:
                return start
        elif _runs_to_end(lines, below):
            return start
        elif strength is Strength.SURE:
            return None
    return _find_trailing_quote(lines)


def _attribution_ends(lines: Sequence[Line]) -> Iterator[int]:
    for index, line in enumerate(lines):
        if line.quote is not QUOTED and line.text and attribution.may_end(line.text):
            yield index


def _attribution(lines: Sequence[Line], end: int) -> tuple[int, Strength]:
    """(first line, strength) of the attribution ending here, over wrapped lines."""
    found, strength = end, Strength.NONE
    joined = ""
    for start in range(end, max(-1, end - _ATTRIBUTION_LINES), -1):
        text = plain(lines[start].text[: attribution.LONGEST + 1])
        joined = f"{text} {joined}" if joined else text
        if not text or lines[start].quote is not lines[end].quote or len(joined) > attribution.LONGEST:
            break
        if start != end and text[-1] in ":：" and not attribution.breaks_off(text):
            break
        if strength is not Strength.SURE:
            stronger = attribution.strength(joined)
            found, strength = (start, stronger) if stronger > strength else (found, strength)
        elif attribution.may_start(text) or (start == found - 1 and attribution.breaks_off(text)):
            found = start
    return found, strength


def _find_trailing_quote(lines: Sequence[Line]) -> int | None:
    last = next((index for index in range(len(lines) - 1, -1, -1) if lines[index].quote is QUOTED), None)
    if last is None or not _is_footer(lines, last + 1):
        return None
    start = first = last
    while first > 0 and (lines[first - 1].quote is QUOTED or lines[first - 1].blank or _is_wrapped(lines, first - 1)):
        first -= 1
        start = first if lines[first].quote is QUOTED else start
    if any(line.quote is QUOTED for line in lines[:first]) or _is_code(lines, start):
        return None
    return _with_attribution(lines, start)


def _with_attribution(lines: Sequence[Line], start: int) -> int:
    above = next((index for index in range(start - 1, max(-1, start - 4), -1) if not lines[index].blank), None)
    if above is None:
        return start
    first, strength = _attribution(lines, above)
    return start if strength is Strength.NONE else first


def _is_code(lines: Sequence[Line], start: int) -> bool:
    """Prompts of a Python shell, conflict markers and diffs use `>` too."""
    block = [line.text.lstrip() for line in lines[start:] if line.quote is QUOTED and line.text.lstrip().startswith(">")]
    if block and all(text.startswith(">>>") for text in block):
        return True
    above = [line.text for line in lines[max(0, start - 50) : start]]
    return bool(block) and above[-1:] == ["---"] and any(text.startswith("< ") for text in above)


def _runs_to_end(lines: Sequence[Line], start: int) -> bool:
    """Whether nothing but quote, inner attributions, damaged wraps and a footer follows."""
    index = start
    while index < len(lines):
        line = lines[index]
        if line.quote is not UNQUOTED or line.blank or _is_wrapped(lines, index):
            index += 1
        elif _is_footer(lines, index):
            return True
        elif (end := _inner_attribution(lines, index)) is not None:
            index = end + 1
        else:
            return False
    return True


def _inner_attribution(lines: Sequence[Line], start: int) -> int | None:
    for end in range(start, min(len(lines), start + _ATTRIBUTION_LINES)):
        if lines[end].blank or lines[end].quote is not UNQUOTED:
            return None
        if attribution.may_end(lines[end].text) and _attribution(lines, end) == (start, Strength.SURE):
            below = _next_filled(lines, end + 1)
            return end if below is not None and lines[below].quote is not UNQUOTED else None
    return None


def _is_wrapped(lines: Sequence[Line], index: int) -> bool:
    """A quoted line was wrapped on its way, and its rest lost the quote mark."""
    if not 0 < index < len(lines) - 1 or lines[index].blank or lines[index].quote is not UNQUOTED:
        return False
    above, text, below = lines[index - 1], lines[index].text.strip(), lines[index + 1]
    if above.quote is not QUOTED or below.quote is not QUOTED or len(above.text.rstrip()) < _WRAP_WIDTH:
        return False
    return not text[:1].isupper() or above.text.rstrip()[-1:] not in ".?!:"


def _is_footer(lines: Sequence[Line], start: int) -> bool:
    """Whether the rest is empty, or a signature or notice below the quote."""
    rest = [line for line in lines[start : start + 400] if line.text.strip(f" {PICTURE}")]
    if not rest or all(line.signature for line in rest):
        return True
    if len(rest) > _FOOTER_LINES:
        return False
    unsigned = next(line for line in rest if not line.signature)
    return unsigned.quote is UNQUOTED and marks.opens_footer(unsigned.text)


def _find_below_device(lines: Sequence[Line]) -> int | None:
    """Text set off below "Sent from my phone" is the mail answered: phones put their line at the end of what was typed."""
    if any(line.quote is QUOTED for line in lines):
        return None
    for index in range(1, len(lines) - 2):
        alone = lines[index].text and not lines[index - 1].text and not lines[index + 1].text
        if alone and marks.is_device_signature(lines[index].text.strip()):
            return None if _is_footer(lines, index + 1) else index + 1
    return None


def _any_content(lines: Sequence[Line]) -> bool:
    return any(not line.blank and not marks.is_divider(line.text) for line in lines)


def _next_filled(lines: Sequence[Line], start: int) -> int | None:
    return next((index for index in range(start, len(lines)) if not lines[index].blank), None)
