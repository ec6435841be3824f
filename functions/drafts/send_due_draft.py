"""Sends drafts whose time has come: the drafts queue's worker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mailroom.drafts.due import Failures, send_batch
from mailroom.runtime import Runtime, worker


@worker
def handler(event: Mapping[str, Any], runtime: Runtime) -> Failures:
    return send_batch(event, runtime=runtime)
