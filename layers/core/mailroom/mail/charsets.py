"""Bytes to text: declared charsets, their aliases and their usual lies. Never raises, never yields a lone surrogate or a NUL."""

from __future__ import annotations

import codecs
import re
from encodings.aliases import aliases
from functools import lru_cache

# Only these are ever looked up: a foreign name would stay in the codec registry's cache for good, and Python also registers
# transforms that are no charsets (zlib, unicode_escape, idna).
_KNOWN_NAMES = """
ascii big5 big5hkscs cp1006 cp1125 cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 cp1257 cp1258 cp437 cp720 cp737 cp775
cp850 cp852 cp855 cp856 cp857 cp858 cp860 cp861 cp862 cp863 cp864 cp865 cp866 cp869 cp874 cp932 cp949 cp950 euc_jis_2004
euc_jisx0213 euc_jp euc_kr gb18030 gb2312 gbk hp_roman8 hz iso2022_jp iso2022_jp_1 iso2022_jp_2 iso2022_jp_2004 iso2022_jp_3
iso2022_jp_ext iso2022_kr iso8859_1 iso8859_10 iso8859_11 iso8859_13 iso8859_14 iso8859_15 iso8859_16 iso8859_2 iso8859_3
iso8859_4 iso8859_5 iso8859_6 iso8859_7 iso8859_8 iso8859_9 johab koi8_r koi8_t koi8_u kz1048 latin_1 mac_cyrillic mac_greek
mac_iceland mac_latin2 mac_roman mac_turkish ptcp154 shift_jis shift_jis_2004 shift_jisx0213 tis_620 utf_16 utf_16_be
utf_16_le utf_32 utf_32_be utf_32_le utf_7 utf_8
"""
_KNOWN = frozenset(_KNOWN_NAMES.split())
_OUR_ALIASES = {
    "gb_2312_80": "gb2312",
    "iso_8859_6_e": "iso8859_6",
    "iso_8859_6_i": "iso8859_6",
    "iso_8859_8_e": "iso8859_8",
    "iso_8859_8_i": "iso8859_8",
    "ks_c_5601_1989": "euc_kr",
    "macintosh": "mac_roman",
    "sjis": "shift_jis",
    "shift_jis": "shift_jis",
    "ms_kanji": "cp932",
    "unicode_1_1": "utf_8",
    "unicode_1_1_utf_7": "utf_7",
    "unicode_1_1_utf_8": "utf_8",
    "unicode_2_0_utf_7": "utf_7",
    "utf8mb3": "utf_8",
    "utf8mb4": "utf_8",
    "iso_10646_ucs_2": "utf_16",
    "ucs_2": "utf_16",
    "cp_850": "cp850",
    "cp936": "gbk",
    "iso_2022_jp_ms": "iso2022_jp_ext",
    "cp50220": "iso2022_jp_ext",
    "cp50221": "iso2022_jp_ext",
    "windows_31j": "cp932",
    "windows_874": "cp874",
    "windows_949": "cp949",
    "windows_936": "gbk",
    "windows_950": "cp950",
}
# What mailers mean when the bytes do not fit the name they declare.
_SUPERSETS = {
    "big5": ("cp950", "big5hkscs"),
    "cp950": ("big5hkscs",),
    "euc_jp": ("euc_jis_2004",),
    "euc_kr": ("cp949",),
    "gb2312": ("gb18030",),
    "gbk": ("gb18030",),
    "iso2022_jp": ("iso2022_jp_ext", "iso2022_jp_2004"),
    "iso8859_11": ("cp874",),
    "iso8859_9": ("cp1254",),
    "shift_jis": ("cp932", "shift_jis_2004"),
    "tis_620": ("cp874",),
}
# Rarely asked: compiled with the first such name, not in every cold start.
_INSIDE_NAME = (
    r"utf[-_]?(?:8|16|32)|(?:windows|cp)[-_]?(?:125\d|874|932|949|1251)|iso[-_]?8859[-_]?\d\d?|iso[-_]?2022[-_]?(?:jp|kr)"
    r"|koi8[-_]?[rut]|gb[-_]?18030|gb[-_]?2312|gbk|big5|shift[-_]?jis|euc[-_]?(?:jp|kr)|us[-_]?ascii"
)
_MAX_NAME = 80
_PIECE = 1 << 20
_WIDE = frozenset(("utf_16", "utf_16_be", "utf_16_le", "utf_32", "utf_32_be", "utf_32_le"))
_STATEFUL = frozenset(
    ("hz", "utf_7", "iso2022_jp", "iso2022_jp_1", "iso2022_jp_2", "iso2022_jp_2004", "iso2022_jp_3", "iso2022_jp_ext", "iso2022_kr")
)
_SURROGATES = re.compile("[\ud800-\udfff]")
_C1 = re.compile(rb"[\x80-\x9f]")
_UNDEFINED_IN_CP1252 = {byte: chr(byte) for byte in (0x81, 0x8D, 0x8F, 0x90, 0x9D)}
_CP1252_TABLE = "".join(_UNDEFINED_IN_CP1252.get(byte) or bytes([byte]).decode("cp1252") for byte in range(256))


@lru_cache(maxsize=256)
def codec_name(charset: str | None) -> str | None:
    """Python's name of a charset as mailers write it; None when there is none or it means nothing."""
    if not charset or len(charset) > _MAX_NAME:
        return None
    name = charset.strip(" \t\"'").lower()
    found = _lookup(name)
    if found is None and (inside := re.search(_INSIDE_NAME, name)):
        found = _lookup(inside[0])
    return found


def _lookup(name: str) -> str | None:
    plain = re.sub(r"[^a-z0-9]+", "_", name).strip("_")
    for candidate in (plain, plain.removeprefix("x_"), plain.removeprefix("cs"), plain.replace("windows_", "cp")):
        codec = _OUR_ALIASES.get(candidate) or aliases.get(candidate, candidate)
        if codec in _KNOWN:
            return "iso8859_1" if codec == "latin_1" else codec
        if match := re.fullmatch(r"(?:iso_?)?8859_?(\d\d?)", candidate):
            return f"iso8859_{match[1]}" if f"iso8859_{match[1]}" in _KNOWN else None
    return None


def decode(data: bytes, charset: str | None = None) -> str:
    """Text of `data`. A charset that is missing, unknown or plainly wrong gives way to UTF-8, then Windows-1252."""
    codec = codec_name(charset)
    if codec in _WIDE:
        text = data.decode(codec, "replace").removeprefix("\ufeff").replace("\0", "")
        return _SURROGATES.sub("\ufffd", text)
    data = data.translate(None, b"\0") if b"\0" in data else data
    if data.isascii() and codec not in _STATEFUL:
        return data.decode("ascii") if codec or b"\x1b$" not in data else _legacy(data, "iso2022_jp")
    if codec is None or codec in ("ascii", "utf_8"):
        return _utf8_or_guess(data, declared=codec == "utf_8")
    if codec == "iso8859_1":
        return data.decode("latin-1") if not _C1.search(data) else windows_1252(data)
    return _SURROGATES.sub("\ufffd", _legacy(data, codec)).replace("\0", "")


def is_wide(charset: str | None) -> bool:
    """Whether line ends take more than one byte each."""
    return codec_name(charset) in _WIDE


def windows_1252(data: bytes) -> str:
    """Every byte has a meaning: the five holes of Windows-1252 stay C1 controls, as in browsers."""
    return codecs.charmap_decode(data, "replace", _CP1252_TABLE)[0]


def _utf8_or_guess(data: bytes, *, declared: bool) -> str:
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        return _strict_utf8(data)
    except UnicodeDecodeError:
        pass
    text = data.decode("utf-8", "replace")
    if declared and not _is_all_wrong(text):
        return text
    if not declared and _is_mostly_right(text):
        return text
    return windows_1252(data)


def _strict_utf8(data: bytes) -> str:
    """In pieces: decoded at once, one emoji makes the decoder claim four bytes for every byte there is."""
    if len(data) <= _PIECE:
        return data.decode("utf-8")
    decoder = codecs.getincrementaldecoder("utf-8")()
    pieces = [decoder.decode(data[start : start + _PIECE]) for start in range(0, len(data), _PIECE)]
    return "".join([*pieces, decoder.decode(b"", final=True)])


def _is_all_wrong(text: str) -> bool:
    """Not one character beyond ASCII survived: the bytes are not UTF-8 at all."""
    return text.replace("\ufffd", "").isascii()


def _is_mostly_right(text: str) -> bool:
    """A stray bad byte in real UTF-8. Two neighbouring letters of an 8-bit charset form a UTF-8 character only by chance."""
    bad = text.count("\ufffd")
    good = sum(1 for char in text[:100_000] if char > "\x7f") - bad
    return good > 4 * bad


def _legacy(data: bytes, codec: str) -> str:
    candidates = (codec, *_SUPERSETS.get(codec, ()))
    for candidate in (*candidates, "utf_8"):
        try:
            return data.decode(candidate)
        except UnicodeDecodeError:
            continue
    return data.decode(candidates[-1], "replace")
