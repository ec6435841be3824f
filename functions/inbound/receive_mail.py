"""Stores arrived mail: the inbound queue's worker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mailroom.inbound.worker import Failures, receive_batch
from mailroom.runtime import Runtime, worker


@worker
def handler(event: Mapping[str, Any], runtime: Runtime) -> Failures:
    return receive_batch(event, runtime=runtime)
