"""Whether a mail was made without a human: answers to it would loop (RFC 3834)."""

from __future__ import annotations

import re

from mailroom.mail.fields import Header
from mailroom.mail.words import field_text

_COMMENT = re.compile(r"\([^()]*\)?")
_BULK = frozenset(("bulk", "junk", "auto_reply"))
_MARKS = ("x-autoreply", "x-autorespond", "x-auto-reply-from")


def is_automatic(header: Header, content_type: str) -> bool:
    """Not for being a list's: that is often a human's mail, who wants an answer."""
    submitted = _word(header, "auto-submitted")
    if submitted and submitted != "no":
        return True
    if _word(header, "precedence") in _BULK or content_type == "multipart/report":
        return True
    return _word(header, "return-path") == "<>" or any(header.first(name) is not None for name in _MARKS)


def _word(header: Header, name: str) -> str:
    """The value before parameters and comments, in lower case."""
    raw = header.first(name)
    return "" if raw is None else _COMMENT.sub(" ", field_text(raw, 200)).partition(";")[0].strip().lower()
