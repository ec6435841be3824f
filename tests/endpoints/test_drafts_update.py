"""Changing a draft (spec: drafts.md, "Update")."""

from __future__ import annotations

import base64
import uuid
from typing import Any

import httpx
import pytest

from mailroom.store import keys
from tests.support.drafts import at, changed, has_blob, made, paths, received, refusal, shown, taken
from tests.support.identity import organization_id
from tests.support.polling import eventually
from tests.support.servers import says, serving
from tests.support.stacks import Mailbox

FULL: dict[str, Any] = {
    "reply_to": ["team@example.com"],
    "to": ["b@example.com"],
    "cc": ["c@example.com"],
    "bcc": ["d@example.com"],
    "subject": "Hi",
    "text": "text",
    "html": "<p>html",
}
LARGE = "".join(uuid.uuid4().hex for _ in range(3000))


def file(data: bytes, **more: str) -> dict[str, str]:
    return {"content": base64.b64encode(data).decode(), **more}


def without(draft: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in draft.items() if name not in (*names, "updated_at")}


@pytest.mark.parametrize("field", FULL)
def test_null_clears_one_field_and_leaves_the_others(stack: Mailbox, inbox: str, field: str) -> None:
    draft = made(stack, inbox, **FULL)

    cleared = changed(stack, inbox, draft, **{field: None})

    assert field not in cleared
    assert without(cleared) == without(draft, field, *(["preview"] if field == "text" else []))
    assert shown(stack, inbox, draft) == cleared
    assert cleared["updated_at"] > draft["updated_at"]


@pytest.mark.parametrize("field", ["reply_to", "to", "cc", "bcc"])
def test_an_empty_list_clears_recipients(stack: Mailbox, inbox: str, field: str) -> None:
    draft = made(stack, inbox, **FULL)

    assert without(changed(stack, inbox, draft, **{field: []})) == without(draft, field)


@pytest.mark.parametrize(("field", "value"), [*{**FULL, "to": ["Eve <e@example.com>"], "text": LARGE, "html": LARGE}.items()])
def test_what_is_given_replaces_one_field(stack: Mailbox, inbox: str, field: str, value: Any) -> None:
    draft = made(stack, inbox, **{**FULL, field: None})

    after = changed(stack, inbox, draft, **{field: value})

    assert after[field] == value
    assert without(after, field, "preview") == without(draft, field, "preview")
    assert shown(stack, inbox, draft) == after


def test_text_and_html_change_apart(stack: Mailbox, inbox: str) -> None:
    draft = made(stack, inbox, text="t1", html="h1")

    assert (second := changed(stack, inbox, draft, text="t2"))["html"] == "h1"
    assert (third := changed(stack, inbox, draft, html=LARGE))["text"] == second["text"] == "t2"
    assert changed(stack, inbox, draft, html=None)["text"] == third["text"]
    assert not changed(stack, inbox, draft, text=None).keys() & {"text", "html", "preview"}


def test_a_single_string_is_a_list_of_one(stack: Mailbox, inbox: str) -> None:
    after = changed(stack, inbox, made(stack, inbox), to="b@example.com", add_labels="a")

    assert (after["to"], after["labels"]) == (["b@example.com"], ["a"])


def test_an_address_stands_once_in_a_draft(stack: Mailbox, inbox: str) -> None:
    draft = made(stack, inbox, cc="b@example.com")

    after = changed(stack, inbox, draft, to=["B@example.com", "c@example.com"])

    assert (after["to"], "cc" in after) == (["B@example.com", "c@example.com"], False)


def test_what_a_draft_is_for_does_not_change(stack: Mailbox, inbox: str) -> None:
    parent = received(stack, inbox)
    reply = made(stack, inbox, in_reply_to=parent["message_id"], client_id=uuid.uuid4().hex)

    after = changed(
        stack, inbox, reply, in_reply_to="<x@y>", forward_of="<x@y>", reply_all=True, client_id="other", labels=["x"], subject="New"
    )

    assert without(after, "subject") == without(reply, "subject")


def test_cancel_on_is_for_drafts_in_a_thread(stack: Mailbox, inbox: str) -> None:
    reply = made(stack, inbox, in_reply_to=received(stack, inbox)["message_id"], cancel_on="reply")

    assert reply["cancel_on"] == "reply"
    assert changed(stack, inbox, reply, cancel_on="any_inbound")["cancel_on"] == "any_inbound"
    assert "cancel_on" not in changed(stack, inbox, reply, cancel_on=None)
    assert paths(stack.http.patch(at(inbox, made(stack, inbox)), {"cancel_on": "reply"})) == [["cancel_on"]]


# --- labels -------------------------------------------------------------------------------------------------------------


def test_labels_come_and_go(stack: Mailbox, inbox: str) -> None:
    draft = made(stack, inbox, labels=["a", "b"])

    assert changed(stack, inbox, draft, add_labels=["C", "b", "unread"], remove_labels=["A", "none"])["labels"] == [
        "b",
        "c",
        "unread",
    ]
    assert changed(stack, inbox, draft, add_labels=["x", "b"], remove_labels=["x"])["labels"] == ["b", "c", "unread"]
    assert changed(stack, inbox, draft, remove_labels=["b", "c", "unread"])["labels"] == []


# --- attachments --------------------------------------------------------------------------------------------------------


def content(stack: Mailbox, inbox: str, draft: dict[str, Any], attachment_id: str) -> bytes:
    url = taken(stack.http.get(at(inbox, draft, f"/attachments/{attachment_id}")))["download_url"]
    return httpx.get(url, trust_env=False).content


def test_attachments_are_added_and_removed(stack: Mailbox, inbox: str) -> None:
    draft = made(stack, inbox, attachments=[file(b"one"), file(b"two")])
    first, second = (each["attachment_id"] for each in draft["attachments"])

    with serving(says(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nthree")) as port:
        new = {"url": f"http://127.0.0.1:{port}/three.txt"}
        after = changed(stack, inbox, draft, add_attachments=[new], remove_attachments=[first])

    kept, added = after["attachments"]
    assert (kept, added["size"]) == (draft["attachments"][1], 5)
    assert content(stack, inbox, draft, added["attachment_id"]) == b"three"
    assert content(stack, inbox, draft, second) == b"two"
    assert refusal(stack.http.get(at(inbox, draft, f"/attachments/{first}"))) == (404, "not_found")
    blob = keys.blob_attachment(organization_id(stack.http), inbox, draft["draft_id"], first)
    eventually(lambda: not has_blob(stack, blob))
    assert "attachments" not in changed(stack, inbox, draft, remove_attachments=[second, added["attachment_id"]])


def test_an_unknown_attachment_undoes_the_whole_change(stack: Mailbox, inbox: str) -> None:
    draft = made(stack, inbox, attachments=[file(b"one")])
    known = draft["attachments"][0]["attachment_id"]

    body = {"remove_attachments": [known, "unknown"], "add_attachments": [file(b"two")], "subject": "new", "add_labels": ["x"]}
    answer = stack.http.patch(at(inbox, draft), body)

    assert paths(answer) == [["remove_attachments", 1]]
    assert shown(stack, inbox, draft) == draft


def test_an_attachment_that_cannot_be_fetched_undoes_the_whole_change(stack: Mailbox, inbox: str) -> None:
    draft = made(stack, inbox)

    body = {"add_attachments": [{"url": "http://127.0.0.1:9/nothing"}], "subject": "new"}
    answer = stack.http.patch(at(inbox, draft), body)

    assert refusal(answer) == (403, "message_rejected")
    assert shown(stack, inbox, draft) == draft


# --- where there is nothing ---------------------------------------------------------------------------------------------


def test_no_change_is_no_request(stack: Mailbox, inbox: str) -> None:
    draft = made(stack, inbox)

    assert paths(stack.http.patch(at(inbox, draft))) == [[]]
    assert paths(stack.http.patch(at(inbox, draft), {"unknown": 1})) == [[]]
    assert shown(stack, inbox, draft) == draft


def test_each_change_is_later_than_the_one_before(stack: Mailbox, inbox: str) -> None:
    draft = made(stack, inbox)

    stamps = [draft["updated_at"], *(changed(stack, inbox, draft, subject=f"{number}")["updated_at"] for number in range(3))]

    assert sorted(set(stamps)) == stamps
    assert shown(stack, inbox, draft)["created_at"] == draft["created_at"]


def test_what_is_not_there_cannot_be_changed(stack: Mailbox, inbox: str) -> None:
    elsewhere = str(stack.http.post("/inboxes").json()["inbox_id"])
    draft = made(stack, inbox)

    for path in (at(inbox, "unknown"), at(elsewhere, draft), at("nobody@mailroom.local", draft)):
        assert refusal(stack.http.patch(path, {"subject": "x"})) == (404, "not_found")
