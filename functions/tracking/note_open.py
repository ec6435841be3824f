"""GET /v0/opens/{token}, without a credential: the pixel of a tracked mail"""

from __future__ import annotations

from mailroom.http.pixel import pixel
from mailroom.runtime import Runtime
from mailroom.tracking.opens import note_open
from mailroom.tracking.pixel import GIF


@pixel(GIF, "image/gif")
def handler(token: str, runtime: Runtime) -> str | None:
    return note_open(token, runtime=runtime)
