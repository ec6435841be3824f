"""POST /v0/agent/sign-up: an organization with pod, inbox and key, in one transaction; or the one that waits for the same human,
with another key (spec: organizations-auth-apikeys.md, "Agent sign-up")."""

from __future__ import annotations

from typing import NamedTuple

from mailroom.agents import codes, humans, letters
from mailroom.agents.codes import NewCode
from mailroom.agents.humans import Human
from mailroom.agents.model import SignUp
from mailroom.errors import RaceCondition, ResourceTaken
from mailroom.ids import new_api_key, uuid7
from mailroom.inboxes.create import Place, first_inbox
from mailroom.keys.record import ApiKeyRecord, creation, organization_key
from mailroom.organizations.limits import UNVERIFIED
from mailroom.organizations.service import Founding, foundation, founding
from mailroom.organizations.standing import require_active
from mailroom.runtime import Runtime
from mailroom.secret import signing_key
from mailroom.store import keys
from mailroom.store.port import Action, Delete, Equals, Item, ItemStore, Lacks, Set, TransactionCancelled, Update, all_of
from mailroom.store.races import attempts


class SignedUp(NamedTuple):
    organization_id: str
    inbox_id: str
    secret: str
    code: NewCode | None
    """To be mailed."""


def sign_up(body: SignUp, *, items: ItemStore, runtime: Runtime) -> dict[str, str]:
    """`AgentSignupResponse`. A code that cannot be mailed now is no failure: the answer holds the only copy of the key, with which
    POST /v0/agent/human asks for the code again. Raises ValidationError, ResourceTaken, ResourceDeleting, RaceCondition."""
    signed_up = _signed_up(body, items=items, runtime=runtime)
    o, inbox_id = signed_up.organization_id, signed_up.inbox_id
    if signed_up.code is not None:
        letters.try_to_mail(o, body["human_email"], inbox_id, signed_up.code, runtime=runtime)
    return {"organization_id": o, "inbox_id": inbox_id, "api_key": signed_up.secret}


def _signed_up(body: SignUp, *, items: ItemStore, runtime: Runtime) -> SignedUp:
    email = f"{body['username']}@{runtime.config.domain}"
    for _ in attempts():
        human = _human(body, items=items, runtime=runtime)
        try:
            if human is not None and human.awaited_by is not None:
                return _with_another_key(human.awaited_by, items=items, runtime=runtime)
            return _founded(body, email, human, items=items, runtime=runtime)
        except TransactionCancelled:
            continue
        except ResourceTaken:
            # Perhaps by the same request, sent twice: then it is this human's by now.
            human = _human(body, items=items, runtime=runtime)
            if human is None or human.awaited_by is None:
                raise
    raise RaceCondition


def _human(body: SignUp, *, items: ItemStore, runtime: Runtime) -> Human | None:
    return humans.look_up(body["human_email"], domain=runtime.config.domain, items=items) if "human_email" in body else None


def _founded(body: SignUp, email: str, human: Human | None, *, items: ItemStore, runtime: Runtime) -> SignedUp:
    now, secret = runtime.clock(), new_api_key()
    new = founding(secret, now)
    o = new.organization["organization_id"]
    inbox = first_inbox(Place(o, new.pod["pod_id"], email), now, items=items)
    code = None if human is None else codes.new_code(signing_key(runtime), now)
    waiting = _waiting(new, body, email, code)
    claimed = [] if human is None else [humans.claim(human, o)]
    items.transact([*foundation(waiting), *inbox, *claimed])
    return SignedUp(o, email, secret, code)


def _waiting(new: Founding, body: SignUp, email: str, code: NewCode | None) -> Founding:
    """With one inbox, and unverified."""
    organization, pod, key = new.organization.copy(), new.pod.copy(), new.key.copy()
    key["unverified"] = True
    pod["inbox_count"] = organization["inbox_count"] = 1
    organization["agent_state"] = "agent_unverified"
    organization["agent_inbox_id"] = email
    organization["agent_key_id"], organization["agent_key_hash"] = key["api_key_id"], key["secret_hash"]
    organization["human_replacements"] = 0
    if "human_email" in body:
        organization["human_email"] = body["human_email"]
    if "source" in body:
        organization["source"] = body["source"]
    if "referrer" in body:
        organization["referrer"] = body["referrer"]
    if code is not None:
        organization.update(code.fields)  # type: ignore[typeddict-item]  # the fields of the row that begin with code_
    return Founding(organization, pod, key)


def _with_another_key(organization: Item, *, items: ItemStore, runtime: Runtime) -> SignedUp:
    require_active(organization)
    now, secret = runtime.clock(), new_api_key()
    o = organization["organization_id"]
    code = codes.new_code(signing_key(runtime), now, organization) if codes.is_wanted(organization, now) else None
    items.transact(_rotation(organization, organization_key(o, uuid7(now), secret, now), code))
    return SignedUp(o, organization["agent_inbox_id"], secret, code)


def _rotation(organization: Item, key: ApiKeyRecord, code: NewCode | None) -> list[Action]:
    """The key gets another id, too: session tokens and sockets of the old one die with it."""
    o = organization["organization_id"]
    key["unverified"] = True
    fields = {"agent_key_id": key["api_key_id"], "agent_key_hash": key["secret_hash"], **(code.fields if code else {})}
    as_read = all_of(
        Lacks("suspended"),
        Equals("agent_state", UNVERIFIED),
        Equals("agent_key_id", organization["agent_key_id"]),
        Equals("human_email", organization["human_email"]),
        Equals("code_id", organization["code_id"]),
    )
    return [
        Update(keys.organization(o), tuple(Set(name, value) for name, value in fields.items()), as_read),
        Delete(keys.api_key_secret(organization["agent_key_hash"])),
        Delete(keys.api_key_record(o, organization["agent_key_id"])),
        *creation(key),
    ]
