"""What single lines of a mail are: attributions, header blocks, dividers, signatures, footers.

Every pattern runs on one line, or on at most five joined ones, of bounded length, and none nests quantifiers: linear time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final, Literal, NamedTuple

from mailroom.mail import replies_languages as words

Role = Literal["from", "date", "to", "copy", "subject"]

_LONGEST_ATTRIBUTION: Final = 420
_INVISIBLE: Final = dict.fromkeys([*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x206A), 0xFEFF])
DASHES: Final = "-_=*~#—–‐‑−─━"
_DECORATION: Final = f" \t|{DASHES}"


def _any_of(phrases: Iterable[str]) -> str:
    return "|".join(sorted(map(re.escape, phrases), key=len, reverse=True))


_VERB_LAST: Final = re.compile(
    rf"(?:(?<!\w)(?:{_any_of(words.VERBS_LAST)})|{_any_of(words.VERBS_LAST_UNSPACED)})(?:\s?\([aа]\))?[\s)\"'”»]*$", re.IGNORECASE
)
_VERB: Final = re.compile(rf"(?<!\w)(?:{_any_of(words.VERBS_ANYWHERE)})(?!\w)", re.IGNORECASE)
_ADDRESS: Final = re.compile(r"(?<![^\s<(\[\"':;,])[^\s<>()\[\]\":;,]{1,80}@[\w.-]{2,200}")
_TIME: Final = re.compile(r"(?<!\d)\d{1,2}\s?(?:[:.h時点點시]|uur)\s?\d{2}(?!\d)")
_YEAR_OR_MONTH: Final = r"(?:19|20)\d\d|\d{4}(?=[年년])|[۰-۹]{4}|[٠-٩]{4}|\d{1,2}[月월]"
_DATE: Final = re.compile(rf"(?<!\d)(?:\d{{1,4}}[./-]\s?\d{{1,2}}[./-]\s?\d{{1,4}}|{_YEAR_OR_MONTH})(?!\d)")
_SENTENCE_BREAK: Final = re.compile(r"[^\W\d_]{5}[.!?] +[^\W\d_]")
_OPENING: Final = re.compile(rf"(?:{_any_of(words.OPENINGS)})(?!\w)", re.IGNORECASE)
_TITLE_IN_DIVIDER: Final = re.compile(rf"[ \t>]*[{re.escape(DASHES)}]{{2,}} ?([^{re.escape(DASHES)}\s][^\n]{{1,80}})")
_ABOVE: Final = re.compile(_any_of(words.ABOVE_THIS_LINE), re.IGNORECASE)
_DEVICE_START: Final = rf"(?:{_any_of(words.DEVICE_STARTS)})(?!\w)[^.!?,;:]{{2,60}}"
_DEVICE_END: Final = rf"[^.!?,;:]{{2,40}}(?:{_any_of(words.DEVICE_ENDS)})"
_DEVICE: Final = re.compile(rf"(?:{_DEVICE_START}|{_DEVICE_END})$", re.IGNORECASE)
_LINK: Final = re.compile(r"[<(\[]?https?://[^\s>)\]]{1,2000}[>)\]]?")
_FOOTER: Final = re.compile(_any_of(words.FOOTERS), re.IGNORECASE)


def _fold(phrase: str) -> str:
    return phrase.casefold().replace("\u0307", "").replace("’", "'")  # casefold makes "i" and a dot of the Turkish "İ"


def _folded(phrases: Iterable[str]) -> list[str]:
    return [_fold(phrase) for phrase in phrases]


_ROLES: Final[dict[str, Role]] = {
    **dict.fromkeys(_folded(words.COPY), "copy"),
    **dict.fromkeys(_folded(words.RECIPIENT), "to"),
    **dict.fromkeys(_folded(words.SENT), "date"),
    **dict.fromkeys(_folded(words.SENDER), "from"),
    **dict.fromkeys(_folded(words.SUBJECT), "subject"),
}
_TITLES: Final = frozenset(_folded(words.DIVIDER_TITLES))
_TITLE_STARTS: Final = tuple(_folded(words.DIVIDER_TITLE_STARTS))
_FORWARD_OPENINGS: Final = frozenset(_folded(words.FORWARD_OPENINGS))


def plain(line: str) -> str:
    """The line without invisible characters, with single spaces. Shorter or equal."""
    return " ".join(line.translate(_INVISIBLE).split())


class _Clues(NamedTuple):
    """What one joined line holds of an attribution."""

    colon: bool
    verb: bool
    verb_last: bool
    addressed: bool
    address_closes: bool
    dates: int
    day: bool
    date_at_start: bool
    date_opens: bool
    date_closes: bool
    one_sentence: bool


def attribution_strength(candidate: str) -> Literal[0, 1, 2]:
    """How surely one joined line introduces a quote: 2 on its own, 1 only directly above quoted lines, 0 not at all."""
    line = candidate.strip(_DECORATION + "\"'•")
    if not 5 <= len(line) <= _LONGEST_ATTRIBUTION:
        return 0
    clues = _clues(line)
    by_verb = clues.colon and (clues.date_opens or clues.date_closes) and clues.one_sentence
    if clues.verb and clues.dates and (clues.addressed or by_verb):
        return 2 if clues.colon or clues.verb_last else 1
    if clues.colon and clues.addressed and clues.day and ((clues.address_closes and clues.date_opens) or clues.date_closes):
        return 2
    if clues.colon and clues.one_sentence and (clues.verb or clues.address_closes or clues.dates > 1):
        return 1
    return 1 if clues.address_closes and clues.date_at_start else 0


def _clues(line: str) -> _Clues:
    colon = line[-1] in ":：" or line.endswith((":)", ": )", ":>"))
    body = line.rstrip(" :：")
    addresses = list(_ADDRESS.finditer(body)) if "@" in body else []
    days = list(_DATE.finditer(body))
    dates = [*days, *_TIME.finditer(body)]
    first = min((found.start() for found in dates), default=len(body))
    verb_last = _VERB_LAST.search(body, max(0, len(body) - 60)) is not None
    return _Clues(
        colon=colon,
        verb=verb_last or (colon and _VERB.search(body) is not None),
        verb_last=verb_last,
        addressed=bool(addresses),
        address_closes=bool(addresses) and addresses[-1].end() >= len(body) - 4,
        dates=len(dates),
        day=bool(days),
        date_at_start=first == 0,
        date_opens=first <= 40,
        date_closes=max((found.end() for found in dates), default=-10) >= len(body) - 10,
        one_sentence=_SENTENCE_BREAK.search(body) is None,
    )


def may_end_attribution(line: str) -> bool:
    """Cheap test before joining lines: ends with a colon, or with a verb such as "wrote"."""
    end = line.rstrip(_DECORATION + "\"'\u202c\u200e\u200f>)\xa0")[-1:]
    return end in {":", "："} or (bool(end) and _VERB_LAST.search(line.rstrip(_DECORATION), max(0, len(line) - 60)) is not None)


def starts_attribution(line: str) -> bool:
    """Whether an attribution that goes on below may have begun here: "On Tue, Apr 3, 2012 at"."""
    return len(line) <= 100 and line[-1:] not in ".!?:" and _OPENING.match(line) is not None and any(map(str.isdigit, line))


def wraps_into_next(line: str) -> bool:
    """Whether an address was broken off at the end of the line: "Ann Example <"."""
    return line[-1:] in "<([" if line else False


def header_role(line: str) -> Role | None:
    """Which header field a line such as `*Gesendet:* Montag` names, in any known language."""
    head = line[:48].lstrip(" \t*_>|•\xa0").replace("：", ":")
    name, colon, _ = head.partition(":")
    return _ROLES.get(_fold(plain(name).strip("* _"))) if colon else None


def is_header_block(lines: Sequence[str], *, divided: bool) -> bool:
    """Whether the lines open with the header block of a quoted mail.

    Three fields with a sender and a dated line are asked for, and an address or a subject: a timetable ("From: Ulm, To: Bonn,
    Date: 3 May") has neither. Below a divider (`divided`) a sender and one more field suffice.
    """
    if header_role(lines[0]) is None:
        return False
    fields = _header_fields(lines)
    roles = {role for role, _ in fields}
    if "from" not in roles:
        return False
    if divided:
        return len(roles) >= 2
    dated = any(role == "date" and any(map(str.isdigit, value)) for role, value in fields)
    addressed = any("@" in value for role, value in fields if role in {"from", "to"})
    return dated and ((len(roles) >= 3 and ("subject" in roles or addressed)) or (len(roles) == 2 and addressed))


def _header_fields(lines: Sequence[str]) -> list[tuple[Role, str]]:
    """The fields of the block with their values; up to two empty or wrapped lines may lie between two."""
    fields: list[tuple[Role, str]] = []
    strays = 0
    for line in lines:
        found = _fields_in(line[:400]) if header_role(line) is not None else []
        if found:
            fields += found
            strays = 0
        elif (strays := strays + 1) > 2:
            break
        elif fields and line.strip():
            fields[-1] = (fields[-1][0], f"{fields[-1][1]} {line[:400]}")
    return fields


def _fields_in(line: str) -> list[tuple[Role, str]]:
    """The fields of one line: usually one, but some programs put them all on it."""
    parts = re.split("[:：]", line, maxsplit=12)
    fields: list[tuple[Role, str]] = []
    for name, value in pairwise(parts):
        tokens = name.replace("*", " ").split()
        roles = (_ROLES.get(_fold(" ".join(tokens[-count:]))) for count in (3, 2, 1))
        role = next((role for role in roles if role is not None), None)
        if role is not None:
            fields.append((role, value))
        elif fields:
            fields[-1] = (fields[-1][0], f"{fields[-1][1]}:{value}")
    return fields


def is_divider(line: str) -> bool:
    """A line drawn with dashes, underscores and the like; `--`, which opens a signature, is none."""
    bare = line.strip()
    return len(bare) >= 4 and not bare.strip(" \t\xa0" + DASHES)


def is_titled_divider(line: str) -> bool:
    """`-----Original Message-----` and its kin, also with a header field run on behind it."""
    found = _TITLE_IN_DIVIDER.match(line)
    if found is None:
        return False
    title = re.split(rf"[{re.escape(DASHES)}]{{2}}", found[1], maxsplit=1)[0]
    title = _fold(plain(title).strip(_DECORATION + ":："))
    return title in _TITLES or (title.startswith(_TITLE_STARTS) and found[1].rstrip()[-1:] in DASHES)


def is_bare_title(line: str) -> bool:
    """The title without its dashes; it counts only above a header field."""
    return len(line) < 60 and _fold(plain(line).strip(_DECORATION + ":：")) in _TITLES


def is_forward_opening(line: str) -> bool:
    """Apple Mail's "Begin forwarded message:" and its translations."""
    return len(line) < 80 and _fold(plain(line).strip(_DECORATION + ":：")) in _FORWARD_OPENINGS


def is_above_this_line(line: str) -> bool:
    """The line ticket systems ask one to answer above; it is short, or framed by dashes or hashes."""
    found = _ABOVE.search(line[:200])
    if found is None or len(line) > 200:
        return False
    bare = line.strip()
    return bare[:2] in {"--", "##", "==", "__", "**", "—-"} or bare[:1] in "-–—=#_*" or bare[-2:] in {"--", "##", "=="}


def is_device_signature(line: str) -> bool:
    """ "Sent from my iPhone", "Get Outlook for iOS<link>"; no sentence about a desk."""
    if len(line) > 2200:
        return False
    bare = _LINK.sub("", line).strip(" \t*_[]()<>.")
    return 8 <= len(bare) <= 80 and _DEVICE.match(bare) is not None and len(bare.split()) <= 9


def opens_footer(line: str) -> bool:
    """Whether what starts here is a signature, a list footer or a notice, and no answer."""
    bare = line.strip()
    if bare in {"--", "-- ", "—", "__", "---"} or is_divider(line):
        return True
    return is_device_signature(bare) or _FOOTER.search(bare[:120]) is not None
