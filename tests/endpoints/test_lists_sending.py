"""Send lists on every sending route (spec: lists.md, "Sending"; messages.md, "Order of checks")."""

from __future__ import annotations

import uuid
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx
import pytest

from mailroom.lists import suppression
from tests.support.desk import mail
from tests.support.identity import organization_id, other_organization
from tests.support.polling import eventually
from tests.support.stacks import Mailbox, Strict

ROUTES = ["send", "reply", "reply-all", "forward"]


class Office(NamedTuple):
    """An organization of its own with one inbox, so that wide lists rule nobody else."""

    stack: Mailbox
    http: Strict
    inbox: str
    pod_id: str

    def scope(self, name: str) -> str:
        return {"organization": "", "pod": f"/pods/{self.pod_id}", "inbox": f"/inboxes/{self.inbox}"}[name]

    def list_(self, scope: str, list_type: str, *entries: str) -> None:
        for entry in entries:
            assert self.http.post(f"{self.scope(scope)}/lists/send/{list_type}", {"entry": entry}).status_code == 200

    def post(self, body: Any, parent: str | None = None, how: str = "send", key: str | None = None) -> httpx.Response:
        path = f"/inboxes/{self.inbox}/messages/" + (f"{quote(parent, safe='')}/{how}" if parent else how)
        return self.http.post(path, body, headers={"Idempotency-Key": key} if key else {})

    def received(self, sender: str) -> str:
        message_id = f"<{uuid.uuid4().hex}@example.com>"
        self.stack.deliver(mail(message_id=message_id, sender=sender, to=self.inbox), self.inbox)
        path = f"/inboxes/{self.inbox}/messages/{quote(message_id, safe='')}"
        eventually(lambda: self.http.get(path).status_code == 200)
        return message_id


@pytest.fixture
def office(stack: Mailbox) -> Office:
    http = other_organization(stack)
    made = http.post("/inboxes", {"username": f"t{uuid.uuid4().hex[:12]}"}).json()
    return Office(stack, http, made["inbox_id"], made["pod_id"])


def refusal(answer: httpx.Response) -> str:
    body = answer.json()
    assert (answer.status_code, body["name"], body["code"]) == (403, "MessageRejectedError", "message_rejected")
    return str(body["message"])


@pytest.mark.parametrize("scope", ["organization", "pod", "inbox"])
def test_a_blocked_recipient_refuses_the_whole_send(office: Office, scope: str) -> None:
    office.list_(scope, "block", "example.org")
    before = len(office.stack.sent())

    answer = office.post({"to": "ok@example.com", "cc": ["Bob <Bob@mail.Example.org>"], "text": "x"})

    assert refusal(answer) == "Recipients refused: Bob@mail.example.org (blocked)"
    assert f"DELETE /v0{office.scope(scope)}/lists/send/block/example.org" in answer.json()["fix"]
    assert len(office.stack.sent()) == before


@pytest.mark.parametrize("scope", ["organization", "pod", "inbox"])
def test_the_remedy_against_a_block_works(office: Office, scope: str) -> None:
    office.list_(scope, "block", "o'hara/#1@example.org")
    fix = office.post({"to": "o'hara/#1@example.org"}).json()["fix"]
    path = fix.partition("DELETE /v0")[2].removesuffix(".")

    deleted = office.http.delete(path)

    assert deleted.status_code == 204
    assert office.post({"to": "o'hara/#1@example.org"}).status_code == 200


@pytest.mark.parametrize("scope", ["organization", "pod", "inbox"])
def test_a_stranger_to_an_allow_list_is_refused(office: Office, scope: str) -> None:
    office.list_(scope, "allow", "example.com")

    answer = office.post({"to": "Bob@example.org", "bcc": "ok@example.com"})

    assert refusal(answer) == "Recipients refused: Bob@example.org (not in allow list)"
    assert f'POST /v0{office.scope(scope)}/lists/send/allow {{"entry": "bob@example.org"}}' in answer.json()["fix"]
    assert office.post({"to": "ok@example.com"}).status_code == 200


def test_every_refused_address_is_named_with_its_reason(office: Office) -> None:
    office.list_("inbox", "allow", "example.com", "x.example.net")
    office.list_("inbox", "block", "bob@example.com")

    answer = office.post({"to": ["bob@example.com", "ok@example.com"], "cc": "a@example.org", "bcc": "b@example.net"})

    assert refusal(answer) == (
        "Recipients refused: bob@example.com (blocked), a@example.org (not in allow list), b@example.net (not in allow list)"
    )


def test_the_narrower_scope_decides(office: Office) -> None:
    office.list_("organization", "block", "example.org")
    office.list_("pod", "allow", "ann@example.org")
    office.list_("inbox", "block", "eve@example.org")

    found = {name: office.post({"to": f"{name}@example.org"}) for name in ("ann", "bob", "eve")}

    assert {name: answer.status_code for name, answer in found.items()} == {"ann": 200, "bob": 403, "eve": 403}
    assert "DELETE /v0/lists/send/block/example.org" in found["bob"].json()["fix"]
    assert f"DELETE /v0/inboxes/{office.inbox}/lists/send/block/eve@example.org" in found["eve"].json()["fix"]


def test_a_suppressed_address_no_list_allows(office: Office) -> None:
    o, address = organization_id(office.http), "gone@example.com"
    office.list_("inbox", "allow", address)
    suppressed = suppression.suppressing(o, {suppression.key(o, address): address}, "complaint", {}, now=1)
    office.stack.runtime.items.transact(suppressed)

    answer = office.post({"to": address})

    assert refusal(answer) == "Recipients refused: gone@example.com (blocked)"
    assert "suppressed after a complaint" in answer.json()["fix"]
    assert "DELETE" not in answer.json()["fix"]


@pytest.mark.parametrize("how", ROUTES)
@pytest.mark.parametrize("scope", ["organization", "pod", "inbox"])
def test_every_route_asks(office: Office, how: str, scope: str) -> None:
    parent = None if how == "send" else office.received("Bob <bob@example.org>")
    office.list_(scope, "block", "bob@example.org")
    body = {"text": "x"} if how.startswith("reply") else {"to": "bob@example.org"}

    answer = office.post(body, parent, how)

    assert refusal(answer) == "Recipients refused: bob@example.org (blocked)"


def test_receive_and_reply_lists_do_not_rule_sending(office: Office) -> None:
    for direction in ("receive", "reply"):
        office.http.post(f"/inboxes/{office.inbox}/lists/{direction}/block", {"entry": "example.org"})
        office.http.post(f"/lists/{direction}/allow", {"entry": "example.net"})

    assert office.post({"to": "bob@example.org"}).status_code == 200


def test_lists_of_another_inbox_or_pod_rule_nothing_here(office: Office) -> None:
    other = office.http.post("/inboxes").json()["inbox_id"]
    office.http.post(f"/inboxes/{other}/lists/send/block", {"entry": "example.org"})
    office.http.post(f"/inboxes/{other}/lists/send/allow", {"entry": "example.net"})

    assert office.post({"to": "bob@example.org"}).status_code == 200


def test_lists_are_asked_after_state_and_before_attachments(office: Office) -> None:
    office.list_("inbox", "block", "example.org")
    unfetchable = office.post({"to": "a@example.org", "attachments": [{"url": "http://127.0.0.1:1/none"}]})
    nobody = office.post({})
    office.http.patch(f"/inboxes/{office.inbox}", {"status": "paused"})

    paused = office.post({"to": "a@example.org"})

    assert "(blocked)" in refusal(unfetchable)
    assert nobody.status_code == 422
    assert paused.json()["code"] == "inbox_paused"


def test_a_refused_send_leaves_its_key_free(office: Office) -> None:
    office.list_("inbox", "block", "example.org")

    first = office.post({"to": "a@example.org"}, key="k1")
    second = office.post({"to": "a@example.com"}, key="k1")

    assert (first.status_code, second.status_code) == (403, 200)
