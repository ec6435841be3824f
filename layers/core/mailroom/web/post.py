"""POST of events to webhooks (spec: webhooks.md, "Delivery"): redirects are not followed, little of the answer is read."""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Mapping

from mailroom.ports import Posted, PostFailed
from mailroom.web.addresses import Resolve, resolve
from mailroom.web.connection import Client, Dial, reason
from mailroom.web.target import UrlRefused, parse

MAX_ANSWER = 1024


class UrlPoster:
    """Implements `ports.Poster`. `allow_private` also allows http, and is for development only."""

    def __init__(
        self,
        *,
        allow_private: bool = False,
        resolve: Resolve = resolve,
        dial: Dial | None = None,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._client = Client(allow_private=allow_private, resolve=resolve, dial=dial, context=context)

    def post(self, url: str, body: bytes, headers: Mapping[str, str], *, timeout_s: float) -> Posted:
        """Raises PostFailed."""
        deadline = time.monotonic() + timeout_s
        try:
            return self._post(url, body, headers, deadline)
        except (OSError, http.client.HTTPException, UrlRefused) as error:
            raise PostFailed(reason(error, deadline)) from error
        except ValueError as error:
            raise PostFailed("A header cannot be sent") from error

    def _post(self, url: str, body: bytes, headers: Mapping[str, str], deadline: float) -> Posted:
        target = parse(url)
        if not target.secure and not self._client.allow_private:
            raise UrlRefused("The URL is not https")
        closing = {**headers, "Connection": "close"}
        with self._client.request("POST", target, headers=closing, deadline=deadline, body=body) as response:
            return Posted(response.status, response.read(MAX_ANSWER))
