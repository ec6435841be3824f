"""What a pixel's address says of its mail, to us alone.

The address is seen by recipients, their mail systems and every proxy on the way, so it names neither organization nor inbox: it is
sealed with a key of the deployment. The seal is made of the content, so that one mail has one address (as in RFC 5297).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Callable
from typing import NamedTuple

_TAG = 16
_SHAPE = re.compile(r"[A-Za-z0-9_-]{30,1000}")


class Mark(NamedTuple):
    organization_id: str
    inbox_id: str
    uid: str
    """Of the message."""


def seal(mark: Mark, key: bytes) -> str:
    """`A-Z a-z 0-9 _ -`."""
    text = json.dumps(mark, separators=(",", ":")).encode()
    own = _own(key)
    tag = _tag(text, own)
    return _encoded(tag + _veiled(text, tag, own))


def read(token: str, key: Callable[[], bytes]) -> Mark | None:
    """None for what this deployment did not seal; what cannot be a token does not even ask for the key."""
    if not _SHAPE.fullmatch(token):
        return None
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except binascii.Error:
        return None
    tag, own = raw[:_TAG], _own(key())
    text = _veiled(raw[_TAG:], tag, own)
    # The last character has bits that decode to nothing: a token is only what was issued.
    if _encoded(raw) != token or not hmac.compare_digest(tag, _tag(text, own)):
        return None
    return Mark(*json.loads(text))


def _own(key: bytes) -> bytes:
    """The deployment's secret signs other things, too."""
    return hmac.digest(key, b"opens", "sha256")


def _tag(text: bytes, own: bytes) -> bytes:
    return hmac.digest(own, text, "sha256")[:_TAG]


def _veiled(text: bytes, tag: bytes, own: bytes) -> bytes:
    """Applied twice, the text itself."""
    veil = hashlib.shake_256(own + tag).digest(len(text))
    return bytes(one ^ other for one, other in zip(text, veil, strict=True))


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
