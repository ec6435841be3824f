"""The one endpoint that answers strangers with an image: the same to all, whatever they ask for and whatever happens."""

from __future__ import annotations

import functools
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from mailroom import log
from mailroom.http.answers import Answer, binary
from mailroom.http.paths import path_parameters
from mailroom.runtime import Runtime, current, warm_up
from mailroom.store.meter import metered

FRESH = {"Cache-Control": "no-store, max-age=0", "Expires": "0"}
"""A load that a cache answers is one that nobody hears of."""


def pixel(image: bytes, content_type: str) -> Callable[[Callable[[str, Runtime], str | None]], Callable[..., Answer]]:
    """Wraps `(token, runtime) -> organization id | None` into a Lambda handler that always answers with the image."""
    warm_up()

    def wrap(function: Callable[[str, Runtime], str | None]) -> Callable[..., Answer]:
        @functools.wraps(function)
        def handler(event: Mapping[str, Any], context: object = None) -> Answer:
            started, runtime = time.perf_counter(), current()
            request_id = (event.get("requestContext") or {}).get("requestId") or str(uuid.uuid4())
            o, code = None, None
            with metered(units=False) as meter:
                try:
                    path = path_parameters(event["resource"], event["path"], event.get("pathParameters"))
                    o = function(path["token"], runtime)
                except Exception:  # noqa: BLE001 - whoever reads a mail must not see a broken image
                    log.logger.exception("pixel without effect", request_id=request_id)
                    code = "internal_error"
            log.request(
                f"{event.get('httpMethod')} {event.get('resource')}",
                200,
                started,
                request_id=request_id,
                organization_id=o,
                trips=meter.trips,
                code=code,
            )
            return binary(image, content_type, request_id, FRESH)

        return handler

    return wrap
