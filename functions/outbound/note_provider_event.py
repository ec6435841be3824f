"""Notes what the mail provider says about sent mail: the notices queue's worker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mailroom.batches import Failures, each_record
from mailroom.messages.handover import Post
from mailroom.outbound.worker import note
from mailroom.runtime import Runtime, worker


@worker
def handler(event: Mapping[str, Any], runtime: Runtime) -> Failures:
    post, region = Post.of(runtime), runtime.config.region
    return each_record(event, lambda record: note(record, post, region=region), failure="provider notice not handled")
