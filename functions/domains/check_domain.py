"""Checks domains, now or because it is time: the domains queue's worker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mailroom.batches import Failures, each_message
from mailroom.domains.check import handle
from mailroom.runtime import Runtime, worker


@worker
def handler(event: Mapping[str, Any], runtime: Runtime) -> Failures:
    return each_message(event, lambda body: handle(body, runtime=runtime), failure="domain not checked")
