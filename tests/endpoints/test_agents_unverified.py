"""What an agent may do before a human has answered for it (spec: "While unverified")."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from mailroom.config import Config
from mailroom.organizations import limits
from mailroom.store import keys
from mailroom.store.port import Item
from tests.support.agents import Agent, signed_up, somebody, verified
from tests.support.stacks import Mailbox

JWK = {
    "kty": "EC",
    "crv": "P-256",
    "x": "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY",
    "y": "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU",
}
SENDS = ("send", "draft", "reply", "forward")


def told(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def mailed(agent: Agent, how: str, human: str, stranger: str) -> httpx.Response:
    """A mail to a stranger, on one of the ways out."""
    base, to = f"/inboxes/{agent.inbox_id}", {"to": [human], "cc": [stranger], "text": "x"}
    if how == "send":
        return agent.http.post(f"{base}/messages/send", to)
    if how == "draft":
        draft = agent.http.post(f"{base}/drafts", to).json()
        return agent.http.post(f"{base}/drafts/{draft['draft_id']}/send", {})
    first = agent.send(human).json()["message_id"]
    return agent.http.post(f"{base}/messages/{first}/{how}", to)


@pytest.mark.parametrize("how", SENDS)
def test_it_writes_to_its_human_only(stack: Mailbox, how: str) -> None:
    human, stranger = somebody(), somebody()
    agent = signed_up(stack, human)

    answer = mailed(agent, how, human, stranger)

    assert told(answer) == (403, "message_rejected")
    assert f"{stranger} (not in allow list)" in answer.json()["message"]
    assert human not in answer.json()["message"]
    assert agent.send(f"Ann <{human.upper()}>").status_code == 200


def test_without_a_human_it_writes_to_nobody(stack: Mailbox) -> None:
    agent = signed_up(stack)

    assert told(agent.send(somebody())) == (403, "message_rejected")
    assert told(agent.send(agent.inbox_id)) == (403, "message_rejected")


def test_no_stored_list_lets_a_stranger_in(stack: Mailbox) -> None:
    human = somebody()
    agent = signed_up(stack, human)

    assert told(agent.http.post("/lists/send/allow", {"entry": "example.com"})) == (403, "missing_permission")
    assert told(agent.http.post("/lists/send/block", content=b"{")) == (403, "missing_permission")
    assert agent.http.post("/lists/receive/block", {"entry": "example.com"}).status_code == 200
    assert agent.http.get("/lists/send/allow").json()["entries"] == []


def test_ten_recipients_a_day(stack: Mailbox) -> None:
    human = somebody()
    agent = signed_up(stack, human)

    answers = [agent.send(human) for _ in range(11)]

    assert [answer.status_code for answer in answers] == [200] * 10 + [429]
    assert answers[10].json()["message"] == "Daily send limit exceeded"


def test_one_inbox_at_a_time(stack: Mailbox) -> None:
    agent = signed_up(stack)

    assert told(agent.http.post("/inboxes", {})) == (403, "limit_exceeded")
    assert agent.http.delete(f"/inboxes/{agent.inbox_id}").status_code == 204
    assert agent.http.post("/inboxes", {}).status_code == 200
    assert told(agent.http.post("/inboxes", {})) == (403, "limit_exceeded")


def test_it_learns_nothing_of_other_peoples_domains(stack: Mailbox) -> None:
    taken = f"{somebody().partition('@')[0]}.example"
    assert stack.http.post("/domains", {"domain": taken}).status_code == 200
    agent = signed_up(stack)

    refused = [agent.http.post("/domains", {"domain": domain}) for domain in (taken, f"free.{taken}")]

    assert [told(answer) for answer in refused] == [(403, "limit_exceeded")] * 2
    assert "verify" in refused[0].json()["fix"]


@pytest.mark.parametrize("body", [{}, {"permissions": {}}, {"public_key": JWK}])
def test_no_keys_are_made_by_key_or_token(stack: Mailbox, body: dict[str, Any]) -> None:
    agent = signed_up(stack)

    answer = agent.http.post("/api-keys", body)

    assert told(answer) == (403, "missing_permission")
    assert "POST /v0/agent/verify" in answer.json()["fix"]
    assert told(agent.http.post(f"/inboxes/{agent.inbox_id}/api-keys", body)) == (403, "missing_permission")
    token = stack.strict(agent.http.post("/auth/token", {}).json()["token"])
    assert told(token.post("/lists/send/allow", {"entry": "example.com"})) == (403, "missing_permission")
    assert told(token.post("/agent/verify", {"otp_code": "123456"})) == (401, "invalid_token_type")


def test_restricting_its_own_key_lifts_nothing(stack: Mailbox) -> None:
    agent = signed_up(stack, somebody())
    key_id = agent.http.get("/auth/me").json()["api_key_id"]

    assert agent.http.patch(f"/api-keys/{key_id}", {"permissions": {"api_key_create": True}}).status_code == 200

    assert told(agent.http.post("/api-keys", {"permissions": {}})) == (403, "missing_permission")
    assert "verify" not in agent.http.get("/webhooks").json()["fix"], "which would not bring it"
    assert told(agent.http.post("/agent/verify", {"otp_code": "x"})) == (400, "validation_error")


def test_all_that_ends_with_verification(stack: Mailbox) -> None:
    agent = verified(stack)

    assert agent.send(somebody()).status_code == 200
    assert agent.http.post("/inboxes", {}).status_code == 200
    assert agent.http.post("/api-keys", {}).status_code == 200
    assert agent.http.post("/lists/send/allow", {"entry": "example.com"}).status_code == 200
    assert not {"inbox_limit", "domain_limit"} & agent.http.get("/organizations").json().keys()


@pytest.mark.parametrize(
    ("row", "expected"),
    [(None, (7, 5, 100)), ({"agent_state": "agent_verified"}, (7, 5, 100)), ({"agent_state": "agent_unverified"}, (1, 0, 10))],
)
def test_the_tighter_limit_holds(row: Item | None, expected: tuple[int, int, int]) -> None:
    config = Config(inbox_limit=7, domain_limit=5, daily_send_limit=100)

    found = (
        limits.inbox_limit(row, config),
        limits.domain_limit(row, config),
        limits.send_limits(row, config).daily_send_limit,
    )

    assert found == expected


def test_the_organizations_row_says_nothing_that_reads_as_deleted(stack: Mailbox) -> None:
    row = stack.runtime.items.get(keys.organization(signed_up(stack).organization_id))

    assert row is not None
    assert "state" not in row
