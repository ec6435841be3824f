"""Sends drafts whose time has come: the drafts queue's worker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mailroom.batches import Failures, each_message
from mailroom.drafts.due import send_due
from mailroom.drafts.timers import Firing
from mailroom.runtime import Runtime, worker


@worker
def handler(event: Mapping[str, Any], runtime: Runtime) -> Failures:
    return each_message(event, lambda body: send_due(Firing.read(body), runtime=runtime), failure="due draft not sent")
