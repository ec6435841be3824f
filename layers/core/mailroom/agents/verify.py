"""POST /v0/agent/verify: the human has handed over the code (spec: organizations-auth-apikeys.md).

An attempt is counted before the code is compared, under the condition that there are attempts left: however many guess at once, ten
are compared.
"""

from __future__ import annotations

from mailroom.agents import codes, humans
from mailroom.agents.codes import MAX_ATTEMPTS
from mailroom.callers import AGENT_VERIFY, Caller
from mailroom.clock import Clock
from mailroom.errors import LimitExceeded, MailroomError, NotFound, RaceCondition, ValidationError
from mailroom.organizations.limits import UNVERIFIED, VERIFIED, is_unverified
from mailroom.store import keys
from mailroom.store.port import (
    Action,
    Add,
    AtLeast,
    AtMost,
    Change,
    ConditionFailed,
    Equals,
    Item,
    ItemStore,
    Present,
    Remove,
    Set,
    TransactionCancelled,
    Update,
    all_of,
)
from mailroom.store.races import attempts

_ASK = "Ask for a code with POST /v0/agent/human."
_OVER = ("code_id", "code_hash", "code_expires_at", "code_attempts", "code_due")


def verify_agent(caller: Caller, otp_code: str, *, items: ItemStore, secret: bytes, clock: Clock) -> dict[str, bool]:
    """`AgentVerifyResponse`. Raises MissingPermission, NotFound (no code), LimitExceeded, ValidationError (wrong code),
    RaceCondition."""
    organization = _counted(caller, items=items, now=clock())
    if not codes.matches(organization, secret, otp_code):
        left = MAX_ATTEMPTS - organization["code_attempts"]
        raise ValidationError.at("otp_code", f"Wrong code; {left} of {MAX_ATTEMPTS} attempts left")
    for _ in attempts():
        try:
            items.transact(_verification(organization, clock()))
            return {"verified": True}
        except TransactionCancelled:
            organization = _read_again(organization, items=items)
        if not is_unverified(organization):
            return {"verified": True}
    raise RaceCondition


def _counted(caller: Caller, *, items: ItemStore, now: int) -> Item:
    """The organization, one attempt later."""
    may_try = all_of(
        Equals("agent_state", UNVERIFIED), AtLeast("code_expires_at", now + 1), AtMost("code_attempts", MAX_ATTEMPTS - 1)
    )
    try:
        return items.update(keys.organization(caller.organization_id), (Add("code_attempts", 1),), may_try)
    except ConditionFailed as failed:
        raise _refusal(caller, failed.item, now) from None


def _refusal(caller: Caller, organization: Item | None, now: int) -> MailroomError:
    if organization is None or not is_unverified(organization):
        return caller.lacks(AGENT_VERIFY)
    spent = organization.get("code_attempts", 0) >= MAX_ATTEMPTS
    if organization.get("code_expires_at", 0) > now and spent:
        return LimitExceeded(
            f"{MAX_ATTEMPTS} attempts were made: wait until the code has expired", fix="Ask for another code then."
        )
    if spent:
        return LimitExceeded(f"{MAX_ATTEMPTS} attempts were made, and the code has expired: request a new one", fix=_ASK)
    return NotFound("No code is outstanding", fix=_ASK)


def _read_again(organization: Item, *, items: ItemStore) -> Item:
    """Raises NotFound where the code that was right has been replaced by another one."""
    now_there = items.get(keys.organization(organization["organization_id"]))
    if now_there is None or (is_unverified(now_there) and now_there.get("code_id") != organization["code_id"]):
        raise NotFound("No code is outstanding", fix=_ASK)
    return now_there


def _verification(organization: Item, now: int) -> list[Action]:
    """Also the key's rows: what a caller may do is read from them alone. Whoever waited for the same human may do so now."""
    o, key_id = organization["organization_id"], organization["agent_key_id"]
    verified: tuple[Change, ...] = (Set("agent_state", VERIFIED), Set("updated_at", now), *map(Remove, _OVER))
    same_code = all_of(Equals("agent_state", UNVERIFIED), Equals("code_id", organization["code_id"]))
    released = (Remove("unverified"),)
    return [
        Update(keys.organization(o), verified, same_code),
        Update(keys.api_key_secret(organization["agent_key_hash"]), released, Present()),
        Update(keys.api_key_record(o, key_id), released, Present()),
        humans.release(organization["human_email"], o),
    ]
