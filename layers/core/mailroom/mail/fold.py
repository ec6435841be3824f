"""Header fields on their way out: ASCII only, folded between words, encoded where needed (RFC 5322, 2047, 2231).

The standard library's folder turns long message ids and URLs into encoded words: that breaks threads and List-Unsubscribe.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable, Sequence

from mailroom.mail.addresses import Address
from mailroom.mail.words import printable

_LINE = 78
_LONGEST_WORD = 900
_ENCODED = 75 - len("=?utf-8?q?") - len("?=")
_BASE64_BYTES = _ENCODED // 4 * 3
_PLAIN = re.compile(r"[ -~\t]*")
_BREAK = re.compile(r" (?=[^ \t])")
_SPECIALS = re.compile(r'[()<>\[\]:;@\\,."]')
_TO_ESCAPE = re.compile(r'(["\\])')
_Q_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,900}>")
_PARAM_SEGMENT = 60
_PARAM_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$&+-.^_`{}~")


def fold(name: str, atoms: Iterable[str]) -> str:
    """One field with its CRLF; lines break only between atoms."""
    lines, line, empty = [], f"{name}:", True
    for atom in atoms:
        if not empty and len(line) + 1 + len(atom) > _LINE:
            lines.append(line)
            line = ""
        line += " " + atom
        empty = False
    return "\r\n".join([*lines, line]) + "\r\n"


def text_field(name: str, value: str, *, literal: bool = False) -> str:
    """Unstructured text. `literal`: the value may hold encoded words of the caller's own."""
    value = printable(value)
    atoms = _BREAK.split(value)
    plain = _PLAIN.fullmatch(value) and all(len(atom) <= _LONGEST_WORD for atom in atoms)
    if plain and (literal or "=?" not in value):
        return fold(name, atoms)
    return fold(name, encoded_words(value))


def address_field(name: str, addresses: Sequence[Address]) -> str:
    atoms: list[str] = []
    for index, address in enumerate(addresses):
        atoms += _address_atoms(address)
        if index + 1 < len(addresses):
            atoms[-1] += ","
    return fold(name, atoms)


def _address_atoms(address: Address) -> list[str]:
    name = " ".join(printable(address.display or "").split())
    if not name:
        return [address.bare]
    if not _PLAIN.fullmatch(name) or "=?" in name or len(name) > _LONGEST_WORD // 2:
        return [*encoded_words(name), f"<{address.bare}>"]
    if _SPECIALS.search(name):
        quoted = _TO_ESCAPE.sub(r"\\\1", name)
        return [f'"{quoted}" <{address.bare}>']
    return [*name.split(" "), f"<{address.bare}>"]


def id_field(name: str, ids: Iterable[str]) -> str:
    """Message ids; what cannot be one is left out, and the field with the last of them."""
    valid = [item for item in ids if _MESSAGE_ID.fullmatch(item)]
    return fold(name, valid) if valid else ""


def encoded_words(text: str) -> list[str]:
    """RFC 2047 words of at most 75 characters that together decode to `text`; no character is split."""
    data = text.encode("utf-8")
    unsafe = sum(byte not in _Q_SAFE and byte != 0x20 for byte in data)
    if unsafe * 3 > len(data):
        return [f"=?utf-8?b?{_base64(piece)}?=" for piece in _pieces(text, [len(char.encode()) for char in text], _BASE64_BYTES)]
    quoted = {char: "".join(_q(byte) for byte in char.encode()) for char in set(text)}
    sizes = [len(quoted[char]) for char in text]
    return [f"=?utf-8?q?{''.join(quoted[char] for char in piece)}?=" for piece in _pieces(text, sizes, _ENCODED)]


def _pieces(text: str, sizes: Sequence[int], limit: int) -> list[str]:
    pieces, start, used = [], 0, 0
    for index, size in enumerate(sizes):
        if used + size > limit:
            pieces.append(text[start:index])
            start, used = index, 0
        used += size
    return [*pieces, text[start:]]


def _base64(text: str) -> str:
    return binascii.b2a_base64(text.encode(), newline=False).decode("ascii")


def _q(byte: int) -> str:
    if byte == 0x20:
        return "_"
    return chr(byte) if byte in _Q_SAFE else f"={byte:02X}"


def param(name: str, value: str) -> list[str]:
    """`name=value` as atoms: a quoted string where ASCII allows, else RFC 2231, in numbered sections when long."""
    if value.isascii() and value.isprintable() and len(value) <= _PARAM_SEGMENT and not re.search(r'["\\]|=\?', value):
        return [f'{name}="{value}"']
    sections = [""]
    for char in value:
        piece = "".join(chr(byte) if byte in _PARAM_SAFE else f"%{byte:02X}" for byte in char.encode())
        if len(sections[-1]) + len(piece) > _PARAM_SEGMENT:
            sections.append("")
        sections[-1] += piece
    if len(sections) == 1:
        return [f"{name}*=utf-8''{sections[0]}"]
    sections[0] = "utf-8''" + sections[0]
    numbered = [f"{name}*{number}*={text}" for number, text in enumerate(sections)]
    return [section + ";" for section in numbered[:-1]] + numbered[-1:]
