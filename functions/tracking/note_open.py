"""GET /v0/opens/{token}, without a credential: the pixel of a tracked mail, the same to all, whatever they ask for"""

from __future__ import annotations

from mailroom.http.answers import Image
from mailroom.http.endpoint import Request, anybody, endpoint
from mailroom.tracking.opens import try_to_note
from mailroom.tracking.pixel import GIF


@endpoint(permission=None, gate=anybody)
def handler(request: Request) -> Image:
    try_to_note(request.path["token"], runtime=request.runtime)
    return Image(GIF, "image/gif")
