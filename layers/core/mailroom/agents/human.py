"""POST /v0/agent/human: names the person who answers for an agent, or another one (spec: organizations-auth-apikeys.md)."""

from __future__ import annotations

from typing import Any

from mailroom.agents import codes, humans, letters
from mailroom.agents.codes import NewCode
from mailroom.agents.model import AttachHuman
from mailroom.callers import AGENT_VERIFY, Caller
from mailroom.errors import HumanLimitExceeded, RaceCondition, ResourceTaken
from mailroom.organizations.limits import UNVERIFIED, is_unverified
from mailroom.runtime import Runtime
from mailroom.secret import signing_key
from mailroom.store import keys
from mailroom.store.port import (
    Action,
    AllOf,
    AtMost,
    Condition,
    Equals,
    Item,
    ItemStore,
    Lacks,
    Set,
    TransactionCancelled,
    Update,
    all_of,
)
from mailroom.store.races import attempts

MAX_REPLACEMENTS = 2


def attach_human(caller: Caller, body: AttachHuman, *, items: ItemStore, runtime: Runtime) -> dict[str, Any]:
    """`AgentAttachHumanResponse`. Raises MissingPermission, ValidationError, ResourceTaken, HumanLimitExceeded, RaceCondition, and
    RateLimited, MessageRejected or ServiceUnavailable where the human is attached and the mail could not be sent."""
    o, email = caller.organization_id, body["human_email"]
    for _ in attempts():
        organization = items.get(keys.organization(o))
        if organization is None or not is_unverified(organization):
            raise caller.lacks(AGENT_VERIFY)
        try:
            code = _attached(organization, email, items=items, runtime=runtime)
        except TransactionCancelled:
            continue
        if code is not None:
            letters.mail_code(o, email, organization["agent_inbox_id"], code, runtime=runtime)
        return {"human_email": email, "instructions": _instructions(email)}
    raise RaceCondition


def _attached(organization: Item, email: str, *, items: ItemStore, runtime: Runtime) -> NewCode | None:
    """The code that has to be mailed."""
    secret, now = signing_key(runtime), runtime.clock()
    if organization.get("human_email") != email:
        code = codes.new_code(secret, now)
        items.transact(_attachment(organization, email, code, items=items, runtime=runtime))
        return code
    if not codes.is_wanted(organization, now):
        return None
    code = codes.new_code(secret, now, organization)
    items.transact([_change(organization, code.fields, _as_read(organization))])
    return code


def _attachment(organization: Item, email: str, code: NewCode, *, items: ItemStore, runtime: Runtime) -> list[Action]:
    o, before = organization["organization_id"], organization.get("human_email")
    replacements = organization["human_replacements"]
    if before is not None and replacements >= MAX_REPLACEMENTS:
        raise HumanLimitExceeded(
            f"The human was replaced {MAX_REPLACEMENTS} times", fix="Verify with the code mailed to the last one."
        )
    human = humans.look_up(email, domain=runtime.config.domain, items=items)
    if human.awaited_by is not None:
        raise ResourceTaken("Another agent waits for this person", fix="Have that one verified first, or name another person.")
    if before is None:
        return [_change(organization, {"human_email": email, **code.fields}, _as_read(organization)), humans.claim(human, o)]
    fields = {"human_email": email, "human_replacements": replacements + 1, **code.fields}
    allowed = all_of(*_as_read(organization).conditions, AtMost("human_replacements", MAX_REPLACEMENTS - 1))
    return [_change(organization, fields, allowed), humans.claim(human, o), humans.release(before, o)]


def _change(organization: Item, fields: dict[str, Any], condition: Condition) -> Update:
    changes = tuple(Set(name, value) for name, value in fields.items())
    return Update(keys.organization(organization["organization_id"]), changes, condition)


def _as_read(organization: Item) -> AllOf:
    names = ("human_email", "code_id")
    same = (Equals(name, organization[name]) if name in organization else Lacks(name) for name in names)
    return all_of(Equals("agent_state", UNVERIFIED), *same)


def _instructions(email: str) -> str:
    return (
        f"A code of 6 digits was mailed to {email}. Ask the person for it, and send it as otp_code to POST /v0/agent/verify within "
        "24 hours. Until then you can write to this person only."
    )
