"""What single lines of a mail are: dividers with a title, header blocks, signatures, footers. Linear time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Final, Literal, NamedTuple

from mailroom.mail import replies_languages as languages
from mailroom.mail.replies_words import DASHES, DECORATION, fold, folded, plain

Role = Literal["from", "date", "to", "copy", "subject"]

_LONGEST_FIELD: Final = 400
_DASH: Final = f"[{re.escape(DASHES)}]"
_TITLE: Final = re.compile(rf"{_DASH}{{2,200}} ?([^{re.escape(DASHES)}\s][^\n]{{1,80}})")
_TITLE_END: Final = re.compile(rf"{_DASH}{{2}}")
_PUNCTUATION: Final = re.compile("[.!?,;:]")
_SENTENCE_ENDS: Final = ".!?,;"
_LINK: Final = re.compile(r"[<(\[]?https?://[^\s>)\]]{1,2000}[>)\]]?")

_ROLES: Final[dict[str, Role]] = {
    **dict.fromkeys(folded(languages.COPY), "copy"),
    **dict.fromkeys(folded(languages.RECIPIENT), "to"),
    **dict.fromkeys(folded(languages.SENT), "date"),
    **dict.fromkeys(folded(languages.SENDER), "from"),
    **dict.fromkeys(folded(languages.SUBJECT), "subject"),
}
_TITLES: Final = frozenset(folded(languages.DIVIDER_TITLES))
_TITLE_STARTS: Final = folded(languages.DIVIDER_TITLE_STARTS)
_FORWARDS: Final = frozenset(folded(languages.FORWARD_OPENINGS))
_WEAK_TITLES: Final = _TITLES.union(folded(languages.WEAK_TITLES))
_FIRST_LETTERS: Final = frozenset(title[:2] for title in _WEAK_TITLES | _FORWARDS)
_ABOVE: Final = folded(languages.ABOVE_THIS_LINE)
_REPLY_WORDS: Final = folded(languages.REPLY_WORDS)
_DEVICE_STARTS: Final = (*folded(languages.DEVICE_STARTS, end=" "), *folded(languages.DEVICE_STARTS_UNSPACED))
_DEVICE_ENDS: Final = folded(languages.DEVICE_ENDS)
_FOOTERS: Final = folded(languages.FOOTERS)


class HeaderBlock(NamedTuple):
    """What a run of header fields amounts to."""

    lines: int
    roles: frozenset[Role]
    dated: bool
    addressed: bool

    def opens_history(self, *, divided: bool) -> bool:
        """Three fields with a sender and a date in figures, and an address or a subject: a timetable ("From: Ulm, To: Bonn, Date:
        3 May") has neither. Below a divider a sender and one more field suffice."""
        if "from" not in self.roles:
            return False
        if divided:
            return len(self.roles) >= 2
        told = self.addressed or (len(self.roles) >= 3 and "subject" in self.roles)
        return self.dated and told and len(self.roles) >= 2


def header_role(line: str) -> Role | None:
    """Which header field a line such as `*Gesendet:* Montag` names, in any known language."""
    name, colon, _ = line[:48].replace("：", ":").partition(":")
    return _ROLES.get(fold(plain(name).strip("*_>|• "))) if colon else None


def header_block(lines: Sequence[str]) -> HeaderBlock:
    """The fields the lines open with; up to two empty or wrapped lines may lie between two. A divider ends the block."""
    fields: list[tuple[Role, str]] = []
    strays = end = 0
    for index, line in enumerate(lines):
        found = _fields_in(line[:_LONGEST_FIELD]) if header_role(line) is not None else []
        strays = 0 if found else strays + 1
        if strays > 2 or is_divider(line):
            break
        if not found and fields:
            found = [(fields[-1][0], line[:_LONGEST_FIELD])]
        fields += found
        end = index + 1
    return HeaderBlock(
        lines=end,
        roles=frozenset(role for role, _ in fields),
        dated=any(role == "date" and any(map(str.isdigit, value)) for role, value in fields),
        addressed=any("@" in value for role, value in fields if role in {"from", "to"}),
    )


def _fields_in(line: str) -> list[tuple[Role, str]]:
    """The fields of one line: usually one, but some programs put them all on it."""
    fields: list[tuple[Role, str]] = []
    for name, value in pairwise(line.replace("：", ":").split(":", maxsplit=12)):
        tokens = name.replace("*", " ").split()
        roles = (_ROLES.get(fold(" ".join(tokens[-count:]))) for count in (3, 2, 1))
        role = next((role for role in roles if role is not None), None)
        if role is not None:
            fields.append((role, value))
        elif fields:
            fields.append((fields[-1][0], value))
    return fields


def is_divider(line: str) -> bool:
    """A line drawn with dashes, underscores and the like; `--`, which opens a signature, is none."""
    bare = line.strip()
    return len(bare) >= 4 and bare[0] in DASHES and not bare.strip(" \t\xa0" + DASHES)


def may_open(line: str) -> bool:
    """Cheap test of a line that is not empty: where it fails, it is neither a title nor a header field. Most lines that end a
    sentence fail."""
    bare = line.lstrip(" \t>")
    if line[-1] not in _SENTENCE_ENDS or bare[:1] in DASHES:
        return True
    return ":" in line[:48] or "：" in line[:48] or _is_above_this_line(bare)


def opens_by_title(line: str) -> bool:
    """`-----Original Message-----`, "Begin forwarded message:", "## reply above this line ##", in any known language."""
    bare = line.strip(" \t>")
    if bare[:1] in DASHES and _is_titled_divider(bare):
        return True
    if len(bare) <= 200 and _is_above_this_line(bare):
        return True
    return len(bare) < 80 and _starts_like_title(bare) and _title(bare) in _FORWARDS


def is_bare_title(line: str) -> bool:
    """A title without its dashes, or one too short to be sure of; it counts only above a header field."""
    return len(line) < 60 and _starts_like_title(line) and _title(line) in _WEAK_TITLES


def _starts_like_title(line: str) -> bool:
    return _like_title(line.lstrip(DECORATION)[:2])


@lru_cache(maxsize=1024)
def _like_title(letters: str) -> bool:
    return fold(letters) in _FIRST_LETTERS


def _title(line: str) -> str:
    return fold(plain(line).strip(DECORATION + ":："))


def _is_titled_divider(bare: str) -> bool:
    found = _TITLE.match(bare)
    if found is None:
        return False
    title = _title(_TITLE_END.split(found[1], maxsplit=1)[0])
    return title in _TITLES or (title.startswith(_TITLE_STARTS) and found[1].rstrip()[-1:] in DASHES)


def _is_above_this_line(bare: str) -> bool:
    """Framed by dashes or hashes, or a short line that speaks of replies."""
    if bare[:1] in DASHES or bare[-1:] in DASHES:
        line = fold(bare)
        return any(phrase in line for phrase in _ABOVE)
    if len(bare) > 60:
        return False
    line = fold(bare).rstrip(" .:")
    return line.endswith(_ABOVE) and any(word in line for word in _REPLY_WORDS)


def is_device_signature(line: str) -> bool:
    """ "Sent from my iPhone", "Get Outlook for iOS<link>"; no sentence about a desk."""
    if len(line) > 2200:
        return False
    bare = (_LINK.sub("", line) if "http" in line else line).strip(" \t*_[]()<>.")
    if _PUNCTUATION.search(bare):
        return False
    bare = fold(bare)
    if not 8 <= len(bare) <= 80 or len(bare.split()) > 9:
        return False
    return bare.startswith(_DEVICE_STARTS) or bare.endswith(_DEVICE_ENDS)


def opens_footer(line: str) -> bool:
    """Whether what starts here is a signature, a list footer or a notice, and no answer."""
    bare = line.strip()
    if bare in {"--", "—", "__", "---"} or is_divider(bare):
        return True
    return is_device_signature(bare) or any(map(fold(bare[:120]).__contains__, _FOOTERS))
