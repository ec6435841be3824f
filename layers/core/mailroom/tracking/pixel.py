"""The image of one transparent pixel that a tracked mail shows from `link.<domain>`."""

from __future__ import annotations

import re

from mailroom.domains.dns import TRACKING_LABEL
from mailroom.tracking.tokens import Mark, seal

GIF = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")

_END = re.compile(
    r"<!--.*?(?:-->|\Z)|<(script|style|textarea|title)[\s/>].*?(?:</\1\s*>|\Z)|(?P<end></body\s*>)",
    re.IGNORECASE | re.ASCII | re.DOTALL,
)
"""`end` is the end of the body; what looks like one in a comment, or in an element of mere text, is none, and shows no image."""


def pixel_url(mark: Mark, domain: str, *, scheme: str, key: bytes) -> str:
    """`domain` is the registered one, whose `link.` leads here, also for the inboxes of its subdomains."""
    return f"{scheme}://{TRACKING_LABEL}.{domain}/v0/opens/{seal(mark, key)}"


def with_pixel(html: str, url: str) -> str:
    """Before the body's end, or at the end where none is marked. The address has no characters that HTML would need escaped."""
    image = f'<img src="{url}" width="1" height="1" alt="" style="border:0">'
    ends = [match.start() for match in _END.finditer(html) if match["end"]]
    at = ends[-1] if ends else len(html)
    return html[:at] + image + html[at:]
