"""Finds checks of domains that no timer brought: every hour."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mailroom.domains.sweep import sweep
from mailroom.runtime import Runtime, worker


@worker
def handler(event: Mapping[str, Any], runtime: Runtime) -> dict[str, int]:
    return {"fired": sweep(runtime)}
