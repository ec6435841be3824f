"""Who may do what with drafts (spec: drafts.md, "Endpoints"; errors.md, "Order of evaluation")."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from mailroom.ids import uuid7
from tests.support.drafts import ahead, at, made, received, refusal, shown
from tests.support.identity import other_organization, using_key, using_pod_key, without_request_id
from tests.support.stacks import Mailbox, Strict

PERMISSIONS = ("draft_read", "draft_create", "draft_update", "draft_delete", "draft_send", "message_read")
CALLS: list[tuple[str, str, str, Any, tuple[str, ...]]] = [
    ("list", "GET", "/drafts", None, ("draft_read",)),
    ("list of a pod", "GET", "/pods/{pod}/drafts", None, ("draft_read",)),
    ("list of an inbox", "GET", "/inboxes/{inbox}/drafts", None, ("draft_read",)),
    ("get", "GET", "/drafts/{draft}", None, ("draft_read",)),
    ("get in a pod", "GET", "/pods/{pod}/drafts/{draft}", None, ("draft_read",)),
    ("get in an inbox", "GET", "/inboxes/{inbox}/drafts/{draft}", None, ("draft_read",)),
    ("attachment", "GET", "/drafts/{draft}/attachments/{file}", None, ("draft_read",)),
    ("attachment in a pod", "GET", "/pods/{pod}/drafts/{draft}/attachments/{file}", None, ("draft_read",)),
    ("attachment in an inbox", "GET", "/inboxes/{inbox}/drafts/{draft}/attachments/{file}", None, ("draft_read",)),
    ("create", "POST", "/inboxes/{inbox}/drafts", {}, ("draft_create",)),
    ("schedule", "POST", "/inboxes/{inbox}/drafts", {"send_at": ahead(days=1)}, ("draft_create",)),
    ("create a reply", "POST", "/inboxes/{inbox}/drafts", {"in_reply_to": "{parent}"}, ("draft_create", "message_read")),
    ("create a forward", "POST", "/inboxes/{inbox}/drafts", {"forward_of": "{parent}"}, ("draft_create", "message_read")),
    ("update", "PATCH", "/inboxes/{inbox}/drafts/{draft}", {"subject": "x"}, ("draft_update",)),
    ("send", "POST", "/inboxes/{inbox}/drafts/{draft}/send", None, ("draft_send",)),
    ("delete", "DELETE", "/inboxes/{inbox}/drafts/{draft}", None, ("draft_delete",)),
]


@pytest.fixture
def names(stack: Mailbox, inbox: str) -> dict[str, str]:
    """What fills the paths and bodies."""
    draft = made(stack, inbox, to="b@example.com", attachments=[{"content": "eA=="}])
    return {
        "inbox": inbox,
        "pod": stack.http.get(f"/inboxes/{inbox}").json()["pod_id"],
        "draft": draft["draft_id"],
        "file": draft["attachments"][0]["attachment_id"],
        "parent": received(stack, inbox)["message_id"],
    }


def ask(http: Strict, method: str, path: str, body: Any, names: dict[str, str]) -> httpx.Response:
    filled = {name: value.format(**names) for name, value in body.items()} if body else body
    return http.request(method, path.format(**names), json=filled)


@pytest.mark.parametrize(("method", "path", "body", "needed"), [case[1:] for case in CALLS], ids=[case[0] for case in CALLS])
def test_each_call_needs_its_permissions_and_no_others(
    stack: Mailbox, names: dict[str, str], method: str, path: str, body: Any, needed: tuple[str, ...]
) -> None:
    for lacking in needed:
        answer = ask(using_key(stack, {each: True for each in PERMISSIONS if each != lacking}), method, path, body, names)

        assert refusal(answer) == (403, "missing_permission")
        assert lacking in answer.json()["fix"]
    assert ask(using_key(stack, dict.fromkeys(needed, True)), method, path, body, names).status_code in (200, 204)


def test_the_permission_comes_before_syntax_and_existence(stack: Mailbox, inbox: str) -> None:
    none = using_key(stack, {"inbox_read": True})

    answers = [
        none.get("/drafts", params={"limit": 0}),
        none.get("/drafts/unknown"),
        none.post(at(inbox), {"to": 1}),
        none.patch(at(inbox, "unknown"), {}),
        none.delete(at(inbox, "unknown")),
        none.post(at(inbox, "unknown", "/send"), {"add_labels": 1}),
    ]

    assert [refusal(answer) for answer in answers] == [(403, "missing_permission")] * len(answers)


def test_a_narrow_key_writes_what_it_reaches(stack: Mailbox, inbox: str, names: dict[str, str]) -> None:
    elsewhere = str(stack.http.post("/inboxes").json()["inbox_id"])

    for http in (using_key(stack, inbox_id=inbox), using_pod_key(stack, names["pod"])):
        draft = http.post(at(inbox), {"to": "b@example.com"}).json()
        assert http.patch(at(inbox, draft), {"subject": "x"}).status_code == 200
        assert http.post(at(inbox, draft, "/send")).status_code == 200
    narrow, theirs = using_key(stack, inbox_id=inbox), made(stack, elsewhere, to="b@example.com")
    answers = [
        narrow.post(at(elsewhere), {}),
        narrow.patch(at(elsewhere, theirs), {"subject": "x"}),
        narrow.delete(at(elsewhere, theirs)),
        narrow.post(at(elsewhere, theirs, "/send")),
        narrow.patch(at(inbox, theirs), {"subject": "x"}),
        narrow.delete(at(inbox, theirs)),
        narrow.post(at(inbox, theirs, "/send")),
    ]
    assert [refusal(answer) for answer in answers] == [(404, "not_found")] * len(answers)
    assert shown(stack, elsewhere, theirs) == theirs


@pytest.mark.parametrize(("method", "path", "body"), [case[1:4] for case in CALLS], ids=[case[0] for case in CALLS])
def test_what_belongs_to_others_answers_like_what_does_not_exist(
    stack: Mailbox, names: dict[str, str], method: str, path: str, body: Any
) -> None:
    other = other_organization(stack)
    nobodys = {**dict.fromkeys(names, uuid7(0)), "inbox": "nobody@mailroom.local", "parent": "<none@example.com>"}

    theirs, missing = (ask(other, method, path, body, each) for each in (names, nobodys))

    assert without_request_id(theirs) == without_request_id(missing)
    assert theirs.status_code == (200 if path == "/drafts" else 404)


def test_writes_exist_in_inboxes_only(stack: Mailbox, names: dict[str, str]) -> None:
    for path in ("/drafts", "/pods/{pod}/drafts"):
        assert refusal(stack.http.post(path.format(**names), {})) == (405, "method_not_allowed")
        for method in ("PATCH", "DELETE"):
            answer = stack.http.request(method, f"{path}/{{draft}}".format(**names), json={})
            assert refusal(answer) == (405, "method_not_allowed")
        assert refusal(stack.http.post(f"{path}/{{draft}}/send".format(**names))) == (404, "not_found")
