"""DKIM signatures of an arrived mail (RFC 6376), by dkimpy with our resolver behind it.

The sender chooses mail, signatures and keys, so everything is bounded before the library computes with it: its parsing takes time
with the square of some lengths, and a key may be as long as DNS allows.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Literal, NamedTuple

import dkim  # type: ignore[import-untyped]
from dkim.util import InvalidTagValueList, parse_tag_value  # type: ignore[import-untyped]

from local import canonical
from mailroom.mail.addresses import check_domain
from mailroom.ports import LookupFailed, Resolver

MAX_SIGNATURES = 10
MAX_HEAD = 128 * 1024
MAX_FIELDS = 1_000
MAX_SIGNATURE = 4096
MAX_SIGNED_FIELDS = 100
MAX_KEY = 1_500
"""Characters of a key record; 4,096 bits take 736."""
MIN_MODULUS_BITS, MAX_MODULUS_BITS, MAX_EXPONENT_BITS = 1024, 4096, 64

Outcome = Literal["pass", "fail", "unknown", "nothing"]
"""`fail`: the key says that this is not what was signed, or was revoked. `unknown`: DNS did not answer. `nothing`: there is nothing
to go by (no key, an unknown algorithm, a body signed in part, broken syntax), as if it were not signed (RFC 6376, 6.1)."""

_SELECTOR = re.compile(rb"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,120}[A-Za-z0-9])?")
_SIGNATURE_FIELD = re.compile(rb"^dkim-signature[ \t]*:", re.IGNORECASE | re.MULTILINE)
_SPACE = re.compile(rb"\s+")

_log = logging.getLogger(__name__)


class Signature(NamedTuple):
    domain: str
    outcome: Outcome


class _Unusable(Exception):
    """Nothing follows from the signature."""


class _Refuted(Exception):
    """The mail is not what was signed."""


class _Key(NamedTuple):
    record: bytes
    testing: bool
    strict: bool
    """Signs for its very domain only, and not for names below it."""


def check(raw: bytes, *, first: Callable[[str], bool], resolver: Resolver) -> list[Signature]:
    """The topmost ten signatures. Those of domains that are `first` are looked at before the others, so that these cannot use up
    their time."""
    head, body = canonical.split(raw)
    if len(head) > MAX_HEAD:
        return [Signature("", "unknown")] if _SIGNATURE_FIELD.search(head) else []
    try:
        verifier = dkim.DKIM(head)
    except (dkim.MessageFormatError, IndexError):
        return [Signature("", "nothing")] if _SIGNATURE_FIELD.search(head) else []
    fields = [value for name, value in verifier.headers if name.lower() == b"dkim-signature"]
    if len(verifier.headers) > MAX_FIELDS:
        return [Signature("", "unknown")] if fields else []
    domains = [_domain(field) for field in fields[:MAX_SIGNATURES]]
    digest = cache(lambda relaxed: _Body.of(body, relaxed=relaxed))
    order = sorted(range(len(domains)), key=lambda index: not first(domains[index]))
    return [Signature(domains[index], _outcome(verifier, index, len(fields[index]), digest, resolver)) for index in order]


class _Body(NamedTuple):
    digest: bytes
    size: int

    @classmethod
    def of(cls, body: bytes, *, relaxed: bool) -> _Body:
        content = canonical.prepared(body, relaxed=relaxed) or (b"" if relaxed else b"\r\n")
        return cls(base64.b64encode(hashlib.sha256(content).digest()), len(content))


def _outcome(verifier: Any, index: int, size: int, body: Callable[[bool], _Body], resolver: Resolver) -> Outcome:
    try:
        if size > MAX_SIGNATURE:
            raise _Unusable
        return _verified(verifier, index, body, resolver)
    except (_Unusable, dkim.DKIMException):
        return "nothing"
    except _Refuted:
        return "fail"
    except LookupFailed:
        return "unknown"
    except Exception as error:  # noqa: BLE001 - the mail is accepted whatever is in it
        _log.warning("signature not checked: %s", type(error).__name__)
        return "unknown"


def _verified(verifier: Any, index: int, body: Callable[[bool], _Body], resolver: Resolver) -> Outcome:
    tags, names, fields = verifier.verify_headerprep(index)
    _require_usable(tags, names, body)
    key = _key(tags, resolver)
    if key.strict and tags.get(b"i", b"@" + tags[b"d"]).rpartition(b"@")[2].lower() != tags[b"d"].lower():
        raise _Unusable
    right = _body_is_signed(tags, body)
    if right:
        # The library would hash the body for each signature anew.
        tags = {name: value for name, value in tags.items() if name != b"bh"}
        right = verifier.verify_sig(tags, names, fields[index], lambda name, timeout: key.record)
    if right:
        return "pass"
    return "nothing" if key.testing else "fail"


def _require_usable(tags: Mapping[bytes, bytes], names: list[bytes], body: Callable[[bool], _Body]) -> None:
    """SHA-1 does not count (RFC 8301), Ed25519 comes beside a signature by RSA."""
    clean = _SELECTOR.fullmatch(tags[b"s"]) and _domain_of(tags)
    if tags[b"a"] != b"rsa-sha256" or not clean or b"from" not in names or len(names) > MAX_SIGNED_FIELDS:
        raise _Unusable
    if b"l" in tags and int(tags[b"l"] or b"0") < body(_is_relaxed(tags)).size:
        raise _Unusable


def _is_relaxed(tags: Mapping[bytes, bytes]) -> bool:
    return tags.get(b"c", b"simple/simple").partition(b"/")[2] == b"relaxed"


def _body_is_signed(tags: Mapping[bytes, bytes], body: Callable[[bool], _Body]) -> bool:
    return _SPACE.sub(b"", tags[b"bh"]) == body(_is_relaxed(tags)).digest


def _key(tags: Mapping[bytes, bytes], resolver: Resolver) -> _Key:
    """Raises _Refuted for a key that was revoked, _Unusable for none or one that cannot be used, LookupFailed."""
    values = resolver.look_up(f"{tags[b's'].decode('ascii')}._domainkey.{tags[b'd'].decode('ascii')}", "TXT")
    records = [value.encode() for value in values if "p=" in value]
    if not records or len(records[0]) > MAX_KEY:
        raise _Unusable
    try:
        about = parse_tag_value(records[0])
    except InvalidTagValueList as error:
        raise _Unusable from error
    if about.get(b"p") == b"":
        raise _Refuted
    if b"sha256" not in _listed(about, b"h", b"sha256") or not {b"*", b"email"} & _listed(about, b"s", b"*"):
        raise _Unusable
    _require_bearable(records[0])
    flags = _listed(about, b"t", b"")
    return _Key(records[0], testing=b"y" in flags, strict=b"s" in flags)


def _listed(about: Mapping[bytes, bytes], name: bytes, default: bytes) -> set[bytes]:
    return {each.strip() for each in about.get(name, default).split(b":")}


def _require_bearable(record: bytes) -> None:
    try:
        key, bits, kind, _ = dkim.evaluate_pk("key", record)
        exponent_bits = key["publicExponent"].bit_length() if kind == b"rsa" else MAX_EXPONENT_BITS + 1
        bearable = MIN_MODULUS_BITS <= bits <= MAX_MODULUS_BITS and exponent_bits <= MAX_EXPONENT_BITS
    except Exception as error:
        # The library's reader of ASN.1 stumbles over what is none in many ways.
        raise _Unusable from error
    if not bearable:
        raise _Unusable


def _domain(field: bytes) -> str:
    """Of a signature, empty where it cannot be read."""
    try:
        return _domain_of(parse_tag_value(field))
    except InvalidTagValueList:
        return ""


def _domain_of(tags: Mapping[bytes, bytes]) -> str:
    try:
        return check_domain(tags.get(b"d", b"").decode("ascii"))
    except ValueError:
        return ""
