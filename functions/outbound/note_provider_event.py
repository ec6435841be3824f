"""Notes what the mail provider says about sent mail: the notices queue's worker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mailroom.messages.handover import Post
from mailroom.outbound.notices import Failures, note_batch
from mailroom.runtime import current


def handler(event: Mapping[str, Any], context: Any = None) -> Failures:
    runtime = current()
    return note_batch(event, Post.of(runtime), region=runtime.config.region)
