"""Stores arrived mail: the inbound queue's worker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mailroom.inbound.worker import Failures, receive_batch
from mailroom.runtime import current


def handler(event: Mapping[str, Any], context: Any = None) -> Failures:
    return receive_batch(event, runtime=current())
