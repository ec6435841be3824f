"""Two customers in one organization, each in a pod of its own, and the domain that one of them brings."""

from __future__ import annotations

from typing import Any

from agentmail import AgentMail
from agentmail.api_keys.types import CreateBearerApiKeyRequest
from agentmail.core.api_error import ApiError
from agentmail.inboxes.types import CreateInboxRequest

from rehearse.mails import plain
from rehearse.stage import Account, Stage, step, until

DOMAIN = "customer.example"
ASKED = "<asked@elsewhere.example>"


def tell(stage: Stage) -> None:
    account = stage.account()
    one, other = customer(account, "one"), customer(account, "two")
    zone = verified(stage, account, one)
    inbox_id = used(stage, one)
    isolated(other, inbox_id)
    fallen(stage, one, zone)


def customer(account: Account, name: str) -> AgentMail:
    """The SDK with a key that sees nothing but a new pod."""
    made = account.client.pods.create(name=name)
    key = account.client.pods.api_keys.create(made.pod_id, request=CreateBearerApiKeyRequest(name=name))
    return account.with_key(key.api_key)


def verified(stage: Stage, account: Account, client: AgentMail) -> str:
    """The zone that the customer's name server has then."""
    made = client.domains.create(domain=DOMAIN, feedback_enabled=True)
    assert made.status == "NOT_STARTED", made.status
    zone: str = b"".join(client.domains.get_zone_file(DOMAIN)).decode()
    stage.names.serve(zone)
    client.domains.verify(DOMAIN)
    found = until(lambda: _with_status(client, "VERIFIED"), "the domain is verified")
    assert {record.status for record in found.records} == {"VALID"}, found.records
    heard = until(lambda: account.call("GET", "/events", event_types=["domain.verified"])["events"] or None, "the event is there")
    assert [(event["event_type"], event["domain"]["domain_id"]) for event in heard] == [("domain.verified", DOMAIN)]
    step("a domain whose zone file is published becomes verified, and an event says so once")
    return zone


def used(stage: Stage, client: AgentMail) -> str:
    inbox_id: str = client.inboxes.create(request=CreateInboxRequest(username="support", domain=DOMAIN)).inbox_id
    assert inbox_id == f"support@{DOMAIN}"
    client.inboxes.messages.send(inbox_id, to="ann@elsewhere.example", subject="Hello", text="It is us.")
    stage.arrive(plain(ASKED, inbox_id, "Help"), inbox_id)
    until(lambda: client.inboxes.messages.list(inbox_id, labels=["received"]).messages or None, "the mail is there")
    step("an inbox on the customer's domain sends and receives")
    return inbox_id


def isolated(client: AgentMail, inbox_id: str) -> None:
    """The other customer."""
    assert not client.domains.list().domains
    assert not client.inboxes.list().inboxes
    for attempt in (
        lambda: client.domains.get(DOMAIN),
        lambda: client.inboxes.get(inbox_id),
        lambda: client.inboxes.messages.get(inbox_id, ASKED),
        lambda: client.inboxes.create(request=CreateInboxRequest(username="thief", domain=DOMAIN)),
    ):
        assert _refused(attempt) == 404
    step("the other pod's key finds neither the domain nor the inbox, and gets no address there")


def fallen(stage: Stage, client: AgentMail, zone: str) -> None:
    (inbound,) = [record for record in client.domains.get(DOMAIN).records if record.type == "MX" and record.name == DOMAIN]
    stage.names.serve(zone.replace(f"{inbound.value}.", "mx.other.example."))
    client.domains.verify(DOMAIN)
    found = until(lambda: _with_status(client, "INVALID"), "the domain is not verified any more")
    assert [record.reason for record in found.records if record.status == "INVALID"] == ["value_mismatch"]
    step("a record that changes is noticed")


def _with_status(client: AgentMail, status: str) -> Any:
    found = client.domains.get(DOMAIN)
    return found if found.status == status else None


def _refused(attempt: Any) -> int | None:
    try:
        attempt()
    except ApiError as error:
        return error.status_code
    return None
