"""How an organization is stored. Times are milliseconds."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from mailroom.store import keys
from mailroom.store.port import Key, Put


class OrganizationRecord(TypedDict):
    """The row `ORG`."""

    organization_id: str
    default_pod_id: str
    inbox_count: int
    domain_count: int
    created_at: int
    updated_at: int
    name: NotRequired[str]
    """For the operator; no caller sees it."""
    suspended: NotRequired[int]
    """Since when; also on every credential of the organization (`organizations.suspension`)."""
    agent_state: NotRequired[Literal["agent_unverified", "agent_verified"]]
    """Of an organization that an agent made for itself, like all that follows; `state` would say that it is being deleted."""
    agent_inbox_id: NotRequired[str]
    agent_key_id: NotRequired[str]
    """The key that sign-up handed out last: until verification there is no other."""
    agent_key_hash: NotRequired[str]
    human_email: NotRequired[str]
    """As given; compared in lower case."""
    human_replacements: NotRequired[int]
    code_id: NotRequired[str]
    """Of the code that was mailed to the human: new with each code."""
    code_hash: NotRequired[str]
    code_expires_at: NotRequired[int]
    code_attempts: NotRequired[int]
    code_due: NotRequired[int]
    """The mail with the code is not known to have left: it may be tried again from then on."""
    source: NotRequired[str]
    referrer: NotRequired[str]


def listed(record: OrganizationRecord) -> Put:
    """The row by which the operator finds it, written with it. It never changes."""
    sort = keys.listing_sort(record["created_at"], record["organization_id"])
    return Put(Key("idx", keys.organization_list(), sort), {})
