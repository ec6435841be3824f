"""Finishes sends whose second half was lost: every minute."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mailroom.messages.handover import Post
from mailroom.messages.repair import sweep
from mailroom.runtime import Runtime, worker


@worker
def handler(event: Mapping[str, Any], runtime: Runtime) -> dict[str, int]:
    return {"settled": sweep(Post.of(runtime))}
