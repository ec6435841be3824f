"""Values with parameters (Content-Type, Content-Disposition): RFC 2045 as it is found in the wild, RFC 2231, RFC 2047 in quotes."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from mailroom.mail import charsets, words

MAX_FILENAME = 255
_VALUE_BYTES = 8 * 1024
_MAX_PARAMS = 200

_MAIN = re.compile(r"[^;\s(]*")
_SEPARATORS = re.compile(r"[;\s]*")
_PARAM = re.compile(r'([^\s=;"]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;]*)', re.DOTALL)
_NEXT_PARAM = re.compile(r"\s(?=[A-Za-z][A-Za-z0-9_-]*\*?=)")
_QUOTED_PAIR = re.compile(r'\\(["\\])')
_SECTION = re.compile(r"([^*]+)(?:\*(\d{1,3}))?(\*)?")
# Directional overrides make `exe.pdf` out of `fdp.exe`.
_UNSAFE_IN_FILENAME = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]+")


def parse_params(raw: bytes | None) -> tuple[str, dict[str, str]]:
    """The value before the first `;`, in lower case, and the parameters by lower-case name, decoded. Of repeated ones the first."""
    if raw is None:
        return "", {}
    text = words.field_text(raw, _VALUE_BYTES)
    main = _MAIN.match(text)
    if main is None:
        return "", {}
    if main.end() == len(text):
        return text.lower(), {}
    return main[0].lower(), _collect(text, main.end())


def _collect(text: str, position: int) -> dict[str, str]:
    plain: dict[str, str] = {}
    sections: dict[str, dict[int, tuple[str, bool]]] = {}
    for _ in range(_MAX_PARAMS):
        position = _SEPARATORS.match(text, position).end()  # type: ignore[union-attr]
        match = _PARAM.match(text, position)
        if match is None:
            position = text.find(";", position)
            if position < 0:
                break
            continue
        value, position = _value(match)
        name = match[1].lower()
        section = _SECTION.fullmatch(name) if "*" in name else None
        if section is None:
            plain.setdefault(name, words.decode_words(value))
        else:
            sections.setdefault(section[1], {}).setdefault(int(section[2] or 0), (value, section[3] is not None))
    return plain | {name: _joined(parts) for name, parts in sections.items()}


def _value(match: re.Match[str]) -> tuple[str, int]:
    """The value and where the search goes on."""
    value = match[2]
    if len(value) > 1 and value[0] == value[-1] == '"':
        return _QUOTED_PAIR.sub(r"\1", value[1:-1]), match.end()
    if value.startswith('"'):
        return value[1:].strip(), match.end()
    end = match.end()
    if "=?" not in value and (following := _NEXT_PARAM.search(value)):
        value, end = value[: following.start()], match.start(2) + following.end()
    return value.strip(), end


def _joined(parts: dict[int, tuple[str, bool]]) -> str:
    """RFC 2231 continuations in the order of their numbers; octets are joined before they become characters."""
    ordered = [parts[number] for number in sorted(parts)]
    if not any(encoded for _, encoded in ordered):
        return words.decode_words("".join(value for value, _ in ordered))
    charset, rest = _charset_of(*ordered[0])
    data = b"".join(
        unquote_to_bytes(value) if encoded else value.encode("utf-8", "replace") for value, encoded in [rest, *ordered[1:]]
    )
    return charsets.decode(data, charset)


def _charset_of(value: str, encoded: bool) -> tuple[str | None, tuple[str, bool]]:
    if encoded and value.count("'") >= 2:
        charset, _, rest = value.split("'", 2)
        return charset or None, (rest, True)
    return None, (value, encoded)


def safe_filename(name: str | None) -> str | None:
    """The last path component without control characters, at most 255 characters, the extension kept; None if nothing is left."""
    if not name:
        return None
    name = _UNSAFE_IN_FILENAME.sub("", words.printable(name)).replace("\\", "/").rstrip("/").rpartition("/")[2].strip()
    if len(name) > MAX_FILENAME:
        stem, dot, extension = name.rpartition(".")
        keep = dot + extension if stem and len(extension) <= 20 else ""
        name = name[: MAX_FILENAME - len(keep)] + keep
    return name if name.strip(". ") else None
