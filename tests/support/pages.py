"""Lists read to their end, as clients do."""

from __future__ import annotations

from typing import Any

import httpx


def everything(http: httpx.Client, path: str, name: str, **params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    token: str | None = None
    while True:
        page = http.get(path, params={"limit": 100, **params, **({"page_token": token} if token else {})}).json()
        found += page[name]
        if (token := page.get("next_page_token")) is None:
            return found
