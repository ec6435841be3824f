"""Makes the attempts to deliver events to webhooks: the deliveries queue's worker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mailroom.runtime import Runtime, worker
from mailroom.webhooks.attempt import Failures, deliver_batch


@worker
def handler(event: Mapping[str, Any], runtime: Runtime) -> Failures:
    return deliver_batch(event, runtime=runtime)
