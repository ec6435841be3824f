"""Addresses as the API takes and shows them: `a@b` or `Name <a@b>` (spec: messages.md, "Sending")."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

MAX_LOCAL = 64
MAX_DOMAIN = 253
MAX_VALUE = 998
_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL = re.compile(rf'{_ATEXT}(?:\.{_ATEXT})*|"(?:[ !#-\[\]-~]|\\[ -~])+"')
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*(?:[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?)")
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_ANGLED = re.compile(r"(.*?)\s*<([^<>]*)>", re.DOTALL)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r"\\(.)")
# RFC 5322 specials without the dot: `John Q. Public` is read by everyone (obs-phrase).
_NEEDS_QUOTES = re.compile(r'[()<>\[\]:;@\\,"]')
_TO_ESCAPE = re.compile(r'(["\\])')


class Address(NamedTuple):
    """One mailbox. The domain is in lower case and ASCII (IDNA), so it can go on an SMTP envelope."""

    local: str
    domain: str
    display: str | None = None

    @property
    def bare(self) -> str:
        """For the envelope: the local part keeps its case."""
        return f"{self.local}@{self.domain}"

    @property
    def key(self) -> str:
        """For comparison."""
        return self.bare.lower()

    def render(self) -> str:
        return format_address(self.display, self.bare)


def format_address(name: str | None, address: str) -> str:
    """`Name <a@b>`, the name in quotes only where RFC 5322 needs them, or `a@b` without a name."""
    if not name:
        return address
    if _NEEDS_QUOTES.search(name):
        name = '"' + _TO_ESCAPE.sub(r"\\\1", name) + '"'
    return f"{name} <{address}>"


def check_address(value: str) -> Address:
    """The one address in `value`; ValueError with a sentence for the caller when it is not exactly that."""
    if len(value) > MAX_VALUE:
        raise ValueError(f"Address is longer than {MAX_VALUE} characters")
    if _FORBIDDEN.search(value):
        raise ValueError("Address contains control characters")
    text = value.strip()
    display, spec = None, text
    if text.endswith(">"):
        match = _ANGLED.fullmatch(text)
        if match is None:
            raise ValueError("Not a single address of the form a@b or Name <a@b>")
        display, spec = _display(match[1].strip()), match[2].strip()
    local, at, domain = spec.rpartition("@")
    if not at:
        raise ValueError("Not an address of the form a@b or Name <a@b>")
    return Address(_checked_local(local), check_domain(domain), display)


def parse_address(value: str) -> Address | None:
    """Like `check_address`, None where that raises."""
    try:
        return check_address(value)
    except ValueError:
        return None


def check_domain(domain: str) -> str:
    """In lower case and ASCII; ValueError where it is none."""
    if len(domain) <= MAX_DOMAIN:
        found = ascii_domain(domain)
        if len(found) <= MAX_DOMAIN and _DOMAIN.fullmatch(found):
            return found
    raise ValueError("The domain is not valid")


def ascii_domain(domain: str) -> str:
    """In lower case, with A-labels for what is beyond ASCII (IDNA); empty where it has none."""
    if domain.isascii():
        return domain.lower()
    try:
        return domain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return ""


def bare(value: str) -> str:
    """Lower-case `a@b` of `a@b` or `Name <a@b>` that has been read or validated before; for comparison."""
    start = value.rfind("<")
    return (value[start + 1 :].rstrip().removesuffix(">") if start >= 0 else value).strip().lower()


def strip_plus(address: str) -> str:
    """`local@domain` of `local+tag@domain`."""
    local, at, domain = address.rpartition("@")
    return local.partition("+")[0] + at + domain if not local.startswith(("+", '"')) else address


def dedupe(values: Iterable[str]) -> list[str]:
    """The first of each address, compared bare and without case."""
    first: dict[str, str] = {}
    for value in values:
        first.setdefault(bare(value), value)
    return list(first.values())


def _display(text: str) -> str | None:
    if quoted := _QUOTED.fullmatch(text):
        text = _ESCAPED.sub(r"\1", quoted[1]).strip()
    elif '"' in text or "<" in text or ">" in text or ("," in text and "@" in text):
        raise ValueError("Not a single address of the form a@b or Name <a@b>")
    return text or None


def _checked_local(local: str) -> str:
    if not local.isascii():
        raise ValueError("Addresses with characters beyond ASCII before the @ are not supported")
    if len(local) > MAX_LOCAL or not _LOCAL.fullmatch(local):
        raise ValueError("The part before the @ is not valid")
    return local
