"""Makes the attempts to deliver events to webhooks: the deliveries queue's worker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mailroom.batches import Failures, each_message
from mailroom.runtime import Runtime, worker
from mailroom.webhooks.attempt import deliver


@worker
def handler(event: Mapping[str, Any], runtime: Runtime) -> Failures:
    return each_message(event, lambda body: deliver(body, runtime=runtime), failure="event not delivered")
