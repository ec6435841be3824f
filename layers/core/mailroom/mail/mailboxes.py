"""Address fields of received mail, read leniently: RFC 5322 with its obsolete forms, and what mailers make of it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from mailroom.mail import words
from mailroom.mail.addresses import format_address

MAX_ADDRESSES = 1_000
MAX_LIST_BYTES = 64 * 1024
_MAX_ADDRESS = 500
_MAX_SPEC = 2_000
_MAX_NAME = 500

_PLAIN = re.compile(r'[^"(<,;:=]+|.', re.DOTALL)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_COMMENT_MARK = re.compile(r"\\.|[()]", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_SPACE = re.compile(r"\s+")
_SPACE_AROUND = re.compile(r" ?([@.]) ?")
_SPEC = re.compile(r'("(?:[^"\\]|\\.)*"|[^\s@<>"(),;]+(?:@[^\s@<>"(),;]+)?)@([^\s@<>"(),;]+)')
_COMMENT_IN_SPEC = re.compile(r"\([^()]*\)")


class Mailbox(NamedTuple):
    name: str
    address: str
    """`local@domain` as written."""

    def render(self) -> str:
        return format_address(self.name, self.address)


def mailboxes(fields: Iterable[bytes]) -> list[Mailbox]:
    """All mailboxes of these raw fields, groups flattened; at most 1,000 from 64 KB."""
    found: list[Mailbox] = []
    left = MAX_LIST_BYTES
    for raw in fields:
        text = words.field_text(raw, left)
        left -= min(left, len(raw))
        here = _Reader(text).read()
        if not here and "=?" in text:
            here = _Reader(words.decode_words(text)).read()
        found += here
    return found[:MAX_ADDRESSES]


class _Reader:
    """One pass over an address list; every character is looked at a bounded number of times."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._found: list[Mailbox] = []
        self._phrase: list[str] = []
        self._spec: list[str] = []
        self._comments: list[str] = []
        self._angle: str | None = None
        self._has_at = False
        self._dead_marks: set[str] = set()

    def read(self) -> list[Mailbox]:
        position, text = 0, self._text
        while position < len(text) and len(self._found) < MAX_ADDRESSES:
            position = self._step(text[position], position)
        self._finish()
        return self._found

    def _step(self, char: str, position: int) -> int:
        if char == "=" and (word := words.ENCODED_WORD.match(self._text, position)):
            return self._add(word[0], word.end())
        if char == '"':
            return self._quoted(position)
        if char == "(" and (end := self._comment(position)):
            return end
        if char == "<":
            return self._angled(position)
        if char in ",;":
            self._finish()
            return position + 1
        if char == ":":
            return self._colon(position)
        plain = _PLAIN.match(self._text, position)
        return self._add(plain[0], plain.end()) if plain else position + 1

    def _add(self, piece: str, end: int) -> int:
        self._has_at = self._has_at or "@" in piece
        self._phrase.append(piece)
        self._spec.append(piece)
        return end

    def _quoted(self, position: int) -> int:
        match = None if '"' in self._dead_marks else _QUOTED.match(self._text, position)
        if match is None:
            self._dead_marks.add('"')
            return position + 1
        self._phrase.append(_ESCAPED.sub(r"\1", match[1]))
        self._spec.append(match[0])
        return match.end()

    def _comment(self, position: int) -> int:
        """End of the comment that begins here, 0 when it never ends."""
        if "(" in self._dead_marks:
            return 0
        depth = 0
        for mark in _COMMENT_MARK.finditer(self._text, position):
            depth += {"(": 1, ")": -1}.get(mark[0], 0)
            if depth == 0:
                self._comments.append(_ESCAPED.sub(r"\1", self._text[position + 1 : mark.start()]))
                self._spec.append(" ")
                self._phrase.append(" ")
                return mark.end()
        self._dead_marks.add("(")
        return 0

    def _angled(self, position: int) -> int:
        end = -1 if ">" in self._dead_marks else self._text.find(">", position)
        following = self._text.find("<", position + 1)
        if end < 0:
            self._dead_marks.add(">")
            comma = self._text.find(",", position)
            end = comma if comma >= 0 else len(self._text)
        if 0 < following < end and not self._text[position + 1 : following].strip():
            return following
        if self._angle is not None:
            self._finish()
        self._angle = self._text[position + 1 : min(end, position + 1 + _MAX_SPEC)]
        while self._text[end : end + 1] == ">":
            end += 1
        return end

    def _colon(self, position: int) -> int:
        """Ends a group's name; part of the address in `mailto:a@b`, of the name after an address."""
        if self._has_at:
            return self._add(":", position + 1)
        self._phrase, self._spec, self._comments = [], [], []
        return position + 1

    def _finish(self) -> None:
        self._found += self._mailboxes()
        self._phrase, self._spec, self._comments, self._angle, self._has_at = [], [], [], None, False

    def _mailboxes(self) -> list[Mailbox]:
        if self._angle is not None and (address := _address(self._angle)):
            return [Mailbox(self._name(), address)]
        spec = "".join(self._spec)
        if "@" not in spec:
            return []
        spec = _SPACE_AROUND.sub(r"\1", _SPACE.sub(" ", spec))
        address = _address(spec)
        if address is None:
            return self._loose(spec)
        return [Mailbox(_clean_name(" ".join(self._comments)), address)]

    def _loose(self, spec: str) -> list[Mailbox]:
        """Addresses among other words; those words name a single one."""
        names, addresses = [], []
        for word in spec.split():
            if "@" in word and (address := _address(word)):
                addresses.append(address)
            else:
                names.append(word)
        name = _clean_name(" ".join(names)) if len(addresses) == 1 else ""
        return [Mailbox(name, address) for address in addresses]

    def _name(self) -> str:
        return _clean_name("".join(self._phrase)) or _clean_name(" ".join(self._comments))


def _clean_name(name: str) -> str:
    name = words.printable(words.decode_words(_SPACE.sub(" ", name)).replace("\t", " ")).strip()
    if len(name) > 2 and name[0] == name[-1] == "'":
        name = name[1:-1].strip()
    return _SPACE.sub(" ", name)[:_MAX_NAME]


def _address(text: str) -> str | None:
    """`local@domain` of an angle address or a lone one: routes, comments, `mailto:` and stray blanks removed."""
    if len(text) > _MAX_SPEC:
        return None
    text = words.printable(text).strip(" \t<>")
    if "(" in text:
        text = _COMMENT_IN_SPEC.sub("", text).strip()
    if text.startswith("@") and ":" in text:
        text = text.rpartition(":")[2]
    if text[:7].lower() == "mailto:":
        text = text[7:]
    if "=?" in text:
        text = words.printable(words.decode_words(text)).strip(" <>")
    if " " in text:
        text = _SPACE_AROUND.sub(r"\1", text)
    text = text.rstrip(".") if text.endswith(".") else text
    return text if len(text) <= _MAX_ADDRESS and _SPEC.fullmatch(text) else None
