"""Notes what the mail provider says about sent mail: the notices queue's worker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mailroom.messages.handover import Post
from mailroom.outbound.worker import Failures, note_batch
from mailroom.runtime import Runtime, worker


@worker
def handler(event: Mapping[str, Any], runtime: Runtime) -> Failures:
    return note_batch(event, Post.of(runtime), region=runtime.config.region)
