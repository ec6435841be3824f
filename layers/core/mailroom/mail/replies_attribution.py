"""The line that introduces a quote: "On Tue, Apr 3, 2012 at 4:19 PM, Bob <bob@example.com> wrote:".

Languages differ in words and order, so it is told by its clues: a date, an address, a verb of writing, a colon at the end. Every
pattern runs on one line of bounded length and none nests quantifiers: linear time.
"""

from __future__ import annotations

import re
from enum import IntEnum
from typing import Final, NamedTuple

from mailroom.mail import replies_languages as languages
from mailroom.mail.replies_words import DECORATION, fold, folded

LONGEST: Final = 420
"""Characters of an attribution, wraps joined."""

_ADDRESS: Final = re.compile(r"(?<![^\s<(\[\"':;,])[^\s<>()\[\]\":;,]{1,80}@[\w.-]{2,200}")
_TIME: Final = re.compile(r"(?<!\d)\d{1,2}\s?(?:[:.h時点點시]|uur)\s?\d{2}(?!\d)")
_YEAR_OR_MONTH: Final = r"(?:19|20)\d\d|\d{4}(?=[年년])|[۰-۹]{4}|[٠-٩]{4}|\d{1,2}[月월]"
_DAY: Final = re.compile(rf"(?<!\d)(?:\d{{1,4}}[./-]\s?\d{{1,2}}[./-]\s?\d{{1,4}}|{_YEAR_OR_MONTH})(?!\d)")
_SENTENCE_BREAK: Final = re.compile(r"[^\W\d_]{5}[.!?] +[^\W\d_]")
_BETWEEN_WORDS: Final = str.maketrans(dict.fromkeys('<>(),;"', " "))

_VERBS: Final = frozenset(phrase for phrase in folded(languages.VERBS_LAST) if " " not in phrase)
_VERB_ENDS: Final = (
    *(f" {phrase}" for phrase in folded(languages.VERBS_LAST) if " " in phrase),
    *folded(languages.VERBS_LAST_UNSPACED),
)
_LAST_WORDS: Final = frozenset(phrase.rpartition(" ")[2] for phrase in folded(languages.VERBS_LAST))
_INNER_VERBS: Final = frozenset(phrase for phrase in folded(languages.VERBS_ANYWHERE) if " " not in phrase)
_INNER_VERB_PHRASES: Final = tuple(f" {phrase} " for phrase in folded(languages.VERBS_ANYWHERE) if " " in phrase)
_OPENINGS: Final = (*folded(languages.OPENINGS, end=" "), *folded(languages.OPENINGS_UNSPACED))


class Strength(IntEnum):
    """How surely a line introduces a quote."""

    NONE = 0
    ABOVE_QUOTE = 1
    """Only when quoted lines follow."""
    SURE = 2


class _Clues(NamedTuple):
    colon: bool
    verb: bool
    verb_last: bool
    addressed: bool
    address_last: bool
    dates: int
    day: bool
    date_at_start: bool
    date_early: bool
    date_last: bool


def strength(candidate: str) -> Strength:
    """Of one line, wraps joined and without invisible characters."""
    line = candidate.strip(DECORATION + "\"'•")
    if not 5 <= len(line) <= LONGEST:
        return Strength.NONE
    clues = _clues(line)
    if clues.verb and clues.addressed and clues.dates:
        return Strength.SURE if clues.colon or clues.verb_last else Strength.ABOVE_QUOTE
    if clues.colon and clues.addressed and clues.day and ((clues.address_last and clues.date_early) or clues.date_last):
        return Strength.SURE
    if clues.colon and (clues.verb or clues.address_last or clues.dates > 1) and not _SENTENCE_BREAK.search(line):
        by_date = clues.verb and (clues.date_early or clues.date_last) and (clues.verb_last or clues.dates > 1)
        return Strength.SURE if by_date else Strength.ABOVE_QUOTE
    vague = (clues.address_last and clues.date_at_start) or (clues.verb_last and clues.addressed)
    return Strength.ABOVE_QUOTE if vague else Strength.NONE


def may_end(line: str) -> bool:
    """Cheap test before lines are joined: ends with a colon, or with a verb such as "wrote"."""
    end = line.rstrip("-=_*\"'\u202c\u200e\u200f>) \xa0")
    last = end[-1:]
    if last in {":", "："}:
        return True
    return last.isalpha() and (fold(end[-20:].rpartition(" ")[2]) in _LAST_WORDS or end.endswith(languages.VERBS_LAST_UNSPACED))


def may_start(line: str) -> bool:
    """Whether an attribution that goes on below may have begun here: "On Tue, Apr 3, 2012 at"."""
    return len(line) <= 100 and line[-1:] not in ".!?:" and fold(line).startswith(_OPENINGS) and any(map(str.isdigit, line))


def breaks_off(line: str) -> bool:
    """Whether an address goes on below: "Ann Example <"."""
    return line.endswith(("<", "(", "[", "mailto:"))


def _clues(line: str) -> _Clues:
    body = line.rstrip(" :：")
    addresses = list(_ADDRESS.finditer(body)) if "@" in body else []
    days = list(_DAY.finditer(body))
    dates = [*days, *_TIME.finditer(body)]
    first = min((found.start() for found in dates), default=len(body))
    last = max((found.end() for found in dates), default=0)
    colon = line[-1] in ":：" or line.endswith((":)", ": )", ":>"))
    verb_last = _ends_with_verb(body)
    return _Clues(
        colon=colon,
        verb=verb_last or (colon and _holds_verb(body)),
        verb_last=verb_last,
        addressed=bool(addresses),
        address_last=bool(addresses) and addresses[-1].end() >= len(body) - 4,
        dates=len(dates),
        day=bool(days),
        date_at_start=first == 0,
        date_early=bool(dates) and first <= 40,
        date_last=bool(dates) and last >= len(body) - 10,
    )


def _ends_with_verb(body: str) -> bool:
    tail = fold(body[-60:])
    tail = tail.removesuffix("(a)").removesuffix("(а)").rstrip(" )\"'”»")
    return tail.translate(_BETWEEN_WORDS).rpartition(" ")[2] in _VERBS or tail.endswith(_VERB_ENDS)


def _holds_verb(body: str) -> bool:
    words = fold(body).translate(_BETWEEN_WORDS).split()
    if not _INNER_VERBS.isdisjoint(words):
        return True
    line = f" {' '.join(words)} "
    return any(phrase in line for phrase in _INNER_VERB_PHRASES)
