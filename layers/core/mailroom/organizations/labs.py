"""Labs: the families still in the making. None is offered yet (spec: "Organization")."""

from __future__ import annotations

from typing import Any, NoReturn

from mailroom.errors import Forbidden


def get_labs() -> dict[str, Any]:
    """`OrganizationLabs`; `enabled_at` is the one field that is null rather than absent."""
    return {"enabled": False, "enabled_at": None, "available": False}


def refuse_labs() -> NoReturn:
    raise Forbidden("Labs is not available in this deployment")
