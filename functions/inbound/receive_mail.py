"""Stores arrived mail: the inbound queue's worker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mailroom.batches import Failures, each_record
from mailroom.inbound.worker import receive
from mailroom.runtime import Runtime, worker


@worker
def handler(event: Mapping[str, Any], runtime: Runtime) -> Failures:
    return each_record(event, lambda record: receive(record, runtime=runtime), failure="mail not received")
