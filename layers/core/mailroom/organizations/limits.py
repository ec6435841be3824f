"""What an organization may do at the moment: the deployment's limits, or the tighter ones of an agent's organization for which no
human has answered yet (spec: limits.md, "Organization plans"; organizations-auth-apikeys.md, "While unverified").

`organization` is the row `ORG`; a missing one is nobody's, and has the deployment's limits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mailroom.errors import MessageRejected
from mailroom.store.port import Item

if TYPE_CHECKING:
    from mailroom.config import Config

UNVERIFIED = "agent_unverified"
VERIFIED = "agent_verified"

_INBOXES, _DOMAINS, _RECIPIENTS_A_DAY = 1, 0, 10


def is_unverified(organization: Item | None) -> bool:
    return organization is not None and organization.get("agent_state") == UNVERIFIED


def inbox_limit(organization: Item | None, config: Config) -> int | None:
    """None where there is no limit."""
    return _lower(config.inbox_limit, _INBOXES) if is_unverified(organization) else config.inbox_limit


def domain_limit(organization: Item | None, config: Config) -> int | None:
    """None where there is no limit."""
    return _lower(config.domain_limit, _DOMAINS) if is_unverified(organization) else config.domain_limit


def when_reached(organization: Item | None, resource: str) -> str:
    """What can be done about a limit of resources. `resource` has its article."""
    if is_unverified(organization):
        return "Verification lifts the limit: POST /v0/agent/verify the code mailed to the human."
    return f"Delete {resource} first."


def send_limits(organization: Item | None, config: Config) -> Config:
    """The configuration with the send limits that hold for the organization."""
    if not is_unverified(organization):
        return config
    return config._replace(daily_send_limit=_lower(config.daily_send_limit, _RECIPIENTS_A_DAY))


def require_known(organization: Item | None, recipients: Sequence[str]) -> None:
    """While unverified an organization writes to its human only: before stored lists, and in none of them (spec: lists.md).
    `recipients` are bare addresses. Raises MessageRejected."""
    if organization is None or not is_unverified(organization):
        return
    human = organization.get("human_email")
    if strangers := [address for address in dict.fromkeys(recipients) if address.lower() != human]:
        whom = f"to {human} only" if human else "to nobody before POST /v0/agent/human has named its human"
        raise MessageRejected(
            "Recipients refused: " + ", ".join(f"{address} (not in allow list)" for address in strangers),
            fix=f"This agent writes {whom}, until POST /v0/agent/verify has confirmed the code mailed to the human.",
        )


def _lower(limit: int | None, bound: int) -> int:
    return bound if limit is None else min(limit, bound)
