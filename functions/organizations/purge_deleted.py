"""Takes away what a deleted inbox or pod has left: the purge queue's worker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mailroom.batches import Failures, each_message
from mailroom.organizations.purge import purge
from mailroom.runtime import Runtime, worker


@worker
def handler(event: Mapping[str, Any], runtime: Runtime) -> Failures:
    return each_message(event, lambda request: purge(request, runtime=runtime), failure="purge not done")
