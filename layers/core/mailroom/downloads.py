"""How a download presents itself: a file name and a type from a stranger's mail, made safe for response headers."""

from __future__ import annotations

import re
from urllib.parse import quote

DEFAULT_TYPE = "application/octet-stream"

_TOKEN = r"[A-Za-z0-9!#$&^_.+-]{1,127}"
_TYPE = re.compile(rf"{_TOKEN}/{_TOKEN}(?:; ?{_TOKEN}={_TOKEN}){{0,4}}")
_UNSAFE = re.compile(r"[^A-Za-z0-9 !#$&+.^_`|~()\[\]{}@=,-]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x80-\x9f\u202a-\u202e\u2066-\u2069]")


def disposition(filename: str | None, *, inline: bool) -> str:
    """Content-Disposition: an ASCII fallback and the exact name (RFC 6266, RFC 8187), without path, control or bidi characters."""
    kind = "inline" if inline else "attachment"
    name = _CONTROL.sub("", filename or "").replace("\\", "/").rsplit("/", 1)[-1].strip()[:255]
    if not name:
        return kind
    fallback = _UNSAFE.sub("_", name)
    exact = quote(name.encode("utf-8", "replace"), safe="")
    return f"{kind}; filename=\"{fallback}\"; filename*=UTF-8''{exact}"


def shown_inline(content_type: str | None) -> bool:
    """Whether a browser may show it in place: pictures, sound, film and plain text, nothing that can carry a script."""
    kind = (content_type or "").partition(";")[0].strip().lower()
    return kind == "text/plain" or (kind.startswith(("image/", "audio/", "video/")) and not kind.endswith(("xml", "/svg")))


def safe_type(content_type: str | None) -> str:
    """The type if it is one that a header may carry, else `application/octet-stream`."""
    return content_type if content_type and _TYPE.fullmatch(content_type) else DEFAULT_TYPE
