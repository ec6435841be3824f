"""Operator's function, not part of the API: makes an organization and shows its first key once.

Payload `{"api_key"?: "am_..."}` -> `{"organization_id", "api_key", "api_key_id"}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mailroom.organizations.service import create_organization
from mailroom.runtime import Runtime, worker
from mailroom.secret import signing_key


@worker
def handler(event: Mapping[str, Any], runtime: Runtime) -> dict[str, str]:
    signing_key(runtime)  # made here, because the roles that only read cannot make it with their first page token
    return create_organization((event or {}).get("api_key"), items=runtime.items, clock=runtime.clock)
