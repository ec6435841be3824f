"""What a new or changed draft may not be (spec: drafts.md, "Create" and "Update"; labels.md; errors.md)."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from tests.support.drafts import ahead, at, listed, made, paths, received, refusal, shown
from tests.support.identity import using_key
from tests.support.stacks import Mailbox

MANY = [f"a{number}@example.com" for number in range(51)]
FIFTY = MANY[:50]


@pytest.fixture
def inbox(sqlite_stack: Mailbox) -> str:
    return str(sqlite_stack.http.post("/inboxes").json()["inbox_id"])


COMMON: list[tuple[dict[str, Any], list[str | int]]] = [
    ({"to": "nobody"}, ["to"]),
    ({"to": ["a@example.com", "b@example.com, c@example.com"]}, ["to", 1]),
    ({"cc": 7}, ["cc"]),
    ({"bcc": ["a@example.com\r\nX: y"]}, ["bcc", 0]),
    ({"reply_to": "x"}, ["reply_to"]),
    ({"to": MANY}, ["to"]),
    ({"to": FIFTY, "cc": "b@example.com"}, ["to"]),
    ({"subject": "a\r\nX: y"}, ["subject"]),
    ({"subject": "a" * 999}, ["subject"]),
    ({"text": 5}, ["text"]),
    ({"html": []}, ["html"]),
    ({"send_at": "tomorrow"}, ["send_at"]),
    ({"send_at": 1_900_000_000}, ["send_at"]),
    ({"cancel_on": "never"}, ["cancel_on"]),
    ({"cancel_on": "reply"}, ["cancel_on"]),
    ({"force": "yes"}, ["force"]),
]
CREATED: list[tuple[dict[str, Any], list[str | int]]] = [
    ({"labels": "one"}, ["labels"]),
    ({"labels": ["ok", "sent"]}, ["labels", 1]),
    ({"labels": ["Scheduled"]}, ["labels", 0]),
    ({"labels": ["trash"]}, ["labels", 0]),
    ({"labels": [" "]}, ["labels", 0]),
    ({"labels": ["x" * 257]}, ["labels", 0]),
    ({"labels": [f"l{number}" for number in range(100)]}, ["labels"]),
    ({"attachments": [{"content": "%%%"}]}, ["attachments", 0, "content"]),
    ({"attachments": [{"filename": "a"}]}, ["attachments", 0]),
    ({"attachments": [{"content": "", "url": "http://x"}]}, ["attachments", 0]),
    ({"attachments": [{"content": "", "content_type": "no type"}]}, ["attachments", 0, "content_type"]),
    ({"in_reply_to": "<a@b>", "forward_of": "<a@b>"}, ["forward_of"]),
    ({"in_reply_to": "<a@b>", "reply_all": True, "to": "x@example.com"}, ["reply_all"]),
    ({"in_reply_to": "<a@b>", "reply_all": True, "bcc": ["x@example.com"]}, ["reply_all"]),
    ({"reply_all": True}, ["reply_all"]),
    ({"reply_all": True, "forward_of": "<a@b>"}, ["reply_all"]),
    ({"reply_all": "yes", "in_reply_to": "<a@b>"}, ["reply_all"]),
    ({"client_id": "a@b"}, ["client_id"]),
    ({"client_id": ""}, ["client_id"]),
    ({"client_id": "x" * 257}, ["client_id"]),
]
UPDATED: list[tuple[dict[str, Any], list[str | int]]] = [
    ({}, []),
    ({"client_id": "other", "in_reply_to": "<a@b>", "forward_of": "<a@b>", "reply_all": True}, []),
    ({"add_labels": ["received"]}, ["add_labels", 0]),
    ({"add_labels": "scheduled"}, ["add_labels"]),
    ({"add_labels": "spam"}, ["add_labels"]),
    ({"remove_labels": ["scheduled"]}, ["remove_labels", 0]),
    ({"remove_labels": None}, ["remove_labels"]),
    ({"add_attachments": None}, ["add_attachments"]),
    ({"add_attachments": [{"content": "%%%"}]}, ["add_attachments", 0, "content"]),
    ({"remove_attachments": ["unknown"]}, ["remove_attachments", 0]),
    ({"remove_attachments": [7]}, ["remove_attachments", 0]),
]


@pytest.mark.parametrize(("body", "path"), [*COMMON, *CREATED])
def test_no_draft_is_made_of_a_malformed_field(
    sqlite_stack: Mailbox, inbox: str, body: dict[str, Any], path: list[str | int]
) -> None:
    answer = sqlite_stack.http.post(at(inbox), body)

    assert path in paths(answer)
    assert listed(sqlite_stack.http, at(inbox)) == []


@pytest.mark.parametrize(("body", "path"), [*COMMON, *UPDATED])
def test_a_malformed_field_changes_nothing(sqlite_stack: Mailbox, inbox: str, body: dict[str, Any], path: list[str | int]) -> None:
    draft = made(sqlite_stack, inbox, text="x")

    answer = sqlite_stack.http.patch(at(inbox, draft), body)

    assert path in paths(answer)
    assert shown(sqlite_stack, inbox, draft) == draft


def test_all_failing_fields_are_named_at_once(stack: Mailbox, inbox: str) -> None:
    inbox = stack.http.post("/inboxes").json()["inbox_id"]
    draft = made(stack, inbox)
    wrong = {"to": ["x", "a@example.com", "y"], "subject": "a\nb", "html": 1, "send_at": "soon"}

    created = stack.http.post(at(inbox), {**wrong, "labels": ["ok", "sent"], "client_id": "?"})
    updated = stack.http.patch(at(inbox, draft), {**wrong, "remove_labels": ["sent"]})

    common = [["to", 0], ["to", 2], ["subject"], ["html"], ["send_at"]]
    assert sorted(map(str, paths(created))) == sorted(map(str, [*common, ["labels", 1], ["client_id"]]))
    assert sorted(map(str, paths(updated))) == sorted(map(str, [*common, ["remove_labels", 0]]))


@pytest.mark.parametrize("content", [b"{", b"[]", b'"x"', b"\xff"])
def test_a_body_is_a_json_object(sqlite_stack: Mailbox, inbox: str, content: bytes) -> None:
    draft = made(sqlite_stack, inbox)

    answers = [
        sqlite_stack.http.post(at(inbox), content=content),
        sqlite_stack.http.patch(at(inbox, draft), content=content),
        sqlite_stack.http.post(at(inbox, draft, "/send"), content=content),
    ]

    assert [paths(answer) for answer in answers] == [[[]]] * 3


def test_the_people_of_a_reply_to_all_are_counted(sqlite_stack: Mailbox, inbox: str) -> None:
    parent = received(sqlite_stack, inbox, cc=FIFTY)

    answer = sqlite_stack.http.post(at(inbox), {"in_reply_to": parent["message_id"], "reply_all": True})

    assert paths(answer) == [["to"]]


def test_the_people_of_a_change_are_counted_with_those_that_stay(sqlite_stack: Mailbox, inbox: str) -> None:
    draft = made(sqlite_stack, inbox, to=FIFTY)

    assert paths(sqlite_stack.http.patch(at(inbox, draft), {"cc": ["b@example.com"]})) == [["to"]]
    assert sqlite_stack.http.patch(at(inbox, draft), {"cc": ["A0@example.com"]}).status_code == 200


@pytest.mark.parametrize("field", ["in_reply_to", "forward_of"])
@pytest.mark.parametrize("message_id", ["<nobody@example.com>", "", "<>", "\x00", "x" * 3000])
def test_an_unknown_source_is_not_found(sqlite_stack: Mailbox, inbox: str, field: str, message_id: str) -> None:
    assert refusal(sqlite_stack.http.post(at(inbox), {field: message_id})) == (404, "not_found")


@pytest.mark.parametrize("field", ["in_reply_to", "forward_of"])
def test_a_source_is_in_the_same_inbox(stack: Mailbox, field: str) -> None:
    here, there = (stack.http.post("/inboxes").json()["inbox_id"] for _ in range(2))
    parent = received(stack, there)

    assert refusal(stack.http.post(at(here), {field: parent["message_id"]})) == (404, "not_found")


@pytest.mark.parametrize("label", ["spam", "blocked", "unauthenticated", "trash"])
def test_a_hidden_source_is_not_found(sqlite_stack: Mailbox, inbox: str, label: str) -> None:
    parent = received(sqlite_stack, inbox, labels=("received", label))
    blind = using_key(sqlite_stack, {"draft_create": True, "message_read": True})
    seeing = using_key(sqlite_stack, {"draft_create": True, "message_read": True, f"label_{label}_read": True})

    body = {"in_reply_to": parent["message_id"]}
    assert refusal(blind.post(at(inbox), body)) == (404, "not_found")
    assert seeing.post(at(inbox), body).status_code == 200


def test_syntax_comes_before_existence(sqlite_stack: Mailbox, inbox: str) -> None:
    nowhere = at("nobody@mailroom.local")

    answers = [
        sqlite_stack.http.post(nowhere, {"to": 1}),
        sqlite_stack.http.post(at(inbox), {"in_reply_to": "<nobody@example.com>", "to": 1}),
        sqlite_stack.http.patch(f"{nowhere}/x", {}),
        sqlite_stack.http.post(at(inbox, "unknown", "/send"), {"add_labels": ["sent"]}),
        sqlite_stack.http.get(nowhere, params={"limit": 0}),
    ]

    assert [answer.status_code for answer in answers] == [400] * len(answers)


def test_labels_may_be_given_up_to_the_limit_of_the_message_to_come(stack: Mailbox, inbox: str) -> None:
    inbox = stack.http.post("/inboxes").json()["inbox_id"]
    most = [f"l{number}" for number in range(99)]
    draft = made(stack, inbox, labels=most, send_at=ahead(hours=1), to="b@example.com")

    assert len(draft["labels"]) == 100
    assert paths(stack.http.patch(at(inbox, draft), {"add_labels": ["more"]})) == [["add_labels"]]
    assert paths(stack.http.post(at(inbox, draft, "/send"), {"add_labels": ["more"]})) == [["add_labels"]]
    assert paths(stack.http.patch(at(inbox, draft), {"send_at": None, "add_labels": ["more"]})) == [["add_labels"]]
    assert stack.http.patch(at(inbox, draft), {"add_labels": ["more"], "remove_labels": ["l0"]}).status_code == 200
    assert stack.http.post(at(inbox, draft, "/send"), {"add_labels": "last", "remove_labels": "more"}).status_code == 200


def test_what_a_mail_cannot_carry_is_refused_at_once(stack: Mailbox) -> None:
    inbox = stack.http.post("/inboxes").json()["inbox_id"]

    answer = stack.http.post(at(inbox), {"attachments": [{"content": ""}] * 20_000})

    assert refusal(answer) == (422, "unprocessable")
    assert listed(stack.http, at(inbox)) == []


@pytest.mark.parametrize(
    ("days", "status"), [(-1, 400), (0, 400), (364.99, 200), (365.01, 400), (400, 400)], ids=lambda value: str(value)
)
def test_a_time_lies_ahead_by_at_most_a_year(sqlite_stack: Mailbox, inbox: str, days: float, status: int) -> None:
    draft, when = made(sqlite_stack, inbox), ahead(days=days)

    created = sqlite_stack.http.post(at(inbox), {"send_at": when})
    updated = sqlite_stack.http.patch(at(inbox, draft), {"send_at": when})

    assert (created.status_code, updated.status_code) == (status, status)
    if status == 400:
        assert paths(created) == paths(updated) == [["send_at"]]
        assert shown(sqlite_stack, inbox, draft) == draft


@pytest.mark.parametrize("when", ["", "2030-13-01T00:00:00Z", "2030-01-01T25:00:00Z", "now", "2030-01-01T00:00:00+99:00"])
def test_a_time_is_a_timestamp(sqlite_stack: Mailbox, inbox: str, when: str) -> None:
    assert paths(sqlite_stack.http.post(at(inbox), {"send_at": when})) == [["send_at"]]


def test_this_very_moment_is_over(sqlite_stack: Mailbox, inbox: str) -> None:
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")

    assert paths(sqlite_stack.http.post(at(inbox), {"send_at": now})) == [["send_at"]]
