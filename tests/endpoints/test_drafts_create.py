"""New drafts: plain ones, replies and forwards (spec: drafts.md, "Create")."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.support.drafts import ahead, at, changed, made, received, refusal, shown, taken
from tests.support.identity import using_key
from tests.support.servers import says, serving
from tests.support.stacks import Mailbox

PDF = base64.b64encode(b"PDF").decode()


def test_a_draft_shows_what_it_was_given(stack: Mailbox, inbox: str) -> None:
    given = {
        "to": ["Bob <bob@example.com>"],
        "cc": ["c@example.com"],
        "bcc": ["d@example.com"],
        "reply_to": ["team@example.com"],
        "subject": "Grüße",
        "text": "Hallo\n\n Welt",
        "html": "<p>Hallo",
        "client_id": uuid.uuid4().hex,
    }

    draft = made(stack, inbox, labels=["Todo", "unread"], **given)

    assert {name: draft[name] for name in given} == given
    assert (draft["inbox_id"], draft["labels"], draft["preview"]) == (inbox, ["todo", "unread"], "Hallo Welt")
    assert draft["created_at"] == draft["updated_at"]
    assert shown(stack, inbox, draft) == draft


@pytest.mark.parametrize("body", [{}, None, {"to": None, "text": None, "send_at": None, "in_reply_to": None, "labels": None}])
def test_nothing_makes_an_empty_draft(stack: Mailbox, inbox: str, body: Any) -> None:
    draft = taken(stack.http.post(at(inbox), body))

    assert draft.keys() == {"inbox_id", "draft_id", "thread_id", "labels", "created_at", "updated_at"}
    assert draft["labels"] == []


def test_a_single_string_is_a_list_of_one(stack: Mailbox, inbox: str) -> None:
    draft = made(stack, inbox, to="b@example.com", cc="c@example.com", bcc="d@example.com", reply_to="e@example.com")

    assert [draft[name] for name in ("to", "cc", "bcc", "reply_to")] == [
        ["b@example.com"],
        ["c@example.com"],
        ["d@example.com"],
        ["e@example.com"],
    ]


def test_an_address_stands_once_in_a_draft(stack: Mailbox, inbox: str) -> None:
    draft = made(stack, inbox, to=["b@example.com", "Bob <B@example.com>"], cc=["b@EXAMPLE.com"], bcc=["c@example.com"])

    assert (draft["to"], "cc" in draft, draft["bcc"]) == (["b@example.com"], False, ["c@example.com"])


def test_the_inbox_may_be_named_by_its_client_id(stack: Mailbox) -> None:
    client_id = uuid.uuid4().hex
    inbox = stack.http.post("/inboxes", {"client_id": client_id}).json()["inbox_id"]

    draft = made(stack, client_id, text="x")

    assert draft["inbox_id"] == inbox
    assert shown(stack, client_id, draft) == draft


# --- replies ------------------------------------------------------------------------------------------------------------


def test_a_reply_derives_who_it_goes_to_and_what_it_is_about(stack: Mailbox, inbox: str) -> None:
    parent = received(stack, inbox)

    draft = made(stack, inbox, in_reply_to=parent["message_id"], text="Yes")

    assert (draft["to"], "cc" in draft, draft["subject"]) == (["Ann <ann@example.com>"], False, "Re: Plan")
    assert draft["references"] == ["<root@example.com>", parent["message_id"]]
    assert (draft["in_reply_to"], draft["thread_id"]) == (parent["message_id"], parent["thread_id"])
    assert "forward_of" not in draft
    assert shown(stack, inbox, draft) == draft


def test_a_reply_goes_where_the_parent_wants_it(stack: Mailbox, inbox: str) -> None:
    parent = received(stack, inbox, reply_to=["desk@example.com"])
    own = received(stack, inbox, labels=("sent",), **{"from": inbox})

    assert made(stack, inbox, in_reply_to=parent["message_id"])["to"] == ["desk@example.com"]
    assert made(stack, inbox, in_reply_to=own["message_id"])["to"] == [inbox, "Bob <bob@example.com>"]


def test_what_is_given_overrides_what_is_derived(stack: Mailbox, inbox: str) -> None:
    parent = received(stack, inbox)["message_id"]

    whole = made(stack, inbox, in_reply_to=parent, to=["x@example.com"], cc=["y@example.com"], bcc=["z@example.com"], subject="New")
    copied = made(stack, inbox, in_reply_to=parent, cc="y@example.com")

    assert [whole[name] for name in ("to", "cc", "bcc")] == [["x@example.com"], ["y@example.com"], ["z@example.com"]]
    assert (whole["subject"], whole["references"][-1]) == ("New", parent)
    assert (copied["to"], copied["cc"], copied["subject"]) == (["Ann <ann@example.com>"], ["y@example.com"], "Re: Plan")


def test_a_reply_to_all_goes_to_everybody_but_the_inbox(stack: Mailbox, inbox: str) -> None:
    parent = received(stack, inbox)

    draft = made(stack, inbox, in_reply_to=parent["message_id"], reply_all=True, to=[], cc=None)

    assert (draft["to"], draft["cc"]) == (["Ann <ann@example.com>", "Bob <bob@example.com>"], ["carl@example.com"])
    assert "bcc" not in draft


def test_the_source_may_lack_its_angle_brackets(stack: Mailbox, inbox: str) -> None:
    parent = received(stack, inbox)

    draft = made(stack, inbox, in_reply_to=parent["message_id"].strip("<>"))

    assert draft["in_reply_to"] == parent["message_id"]


def test_the_derivation_does_not_change_with_the_parent(stack: Mailbox, inbox: str) -> None:
    parent = received(stack, inbox)
    draft = made(stack, inbox, in_reply_to=parent["message_id"])

    stack.http.delete(f"/inboxes/{inbox}/threads/{parent['thread_id']}")

    assert shown(stack, inbox, draft) == draft


# --- forwards -----------------------------------------------------------------------------------------------------------


def test_a_forward_holds_only_what_the_caller_wrote(stack: Mailbox, inbox: str) -> None:
    source = received(stack, inbox, files={"f1": b"PDF"})

    draft = made(stack, inbox, forward_of=source["message_id"], html="<p>Look")

    assert (draft["subject"], draft["forward_of"], draft["thread_id"]) == ("Fwd: Plan", source["message_id"], source["thread_id"])
    assert draft["references"] == ["<root@example.com>", source["message_id"]]
    assert draft["html"] == "<p>Look"
    assert not draft.keys() & {"to", "cc", "bcc", "text", "attachments", "in_reply_to"}


def test_a_forward_may_have_its_own_subject_and_recipients(stack: Mailbox, inbox: str) -> None:
    source = received(stack, inbox)

    draft = made(stack, inbox, forward_of=source["message_id"], subject="Look", to="b@example.com")

    assert (draft["subject"], draft["to"]) == ("Look", ["b@example.com"])


# --- attachments --------------------------------------------------------------------------------------------------------


def content(stack: Mailbox, inbox: str, draft: dict[str, Any], number: int = 0) -> bytes:
    file = draft["attachments"][number]
    url = taken(stack.http.get(at(inbox, draft, f"/attachments/{file['attachment_id']}")))["download_url"]
    return httpx.get(url, trust_env=False).content


def test_attachments_are_stored_with_the_draft(stack: Mailbox, inbox: str) -> None:
    inline = {"content": PDF, "content_type": "image/png", "content_disposition": "inline", "content_id": "<pic>"}

    draft = made(stack, inbox, attachments=[{"content": PDF, "filename": "plan.pdf"}, inline])

    first, second = draft["attachments"]
    assert (first["filename"], first["size"], first["content_type"], first["inline"]) == ("plan.pdf", 3, "application/pdf", False)
    assert (second["content_id"], second["content_disposition"], second["inline"]) == ("pic", "inline", True)
    assert content(stack, inbox, draft) == content(stack, inbox, draft, 1) == b"PDF"


def test_an_attachment_is_fetched_when_the_draft_is_made(stack: Mailbox, inbox: str) -> None:
    with serving(says(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nonce")) as port:
        draft = made(stack, inbox, attachments=[{"url": f"http://127.0.0.1:{port}/a.pdf"}])

    assert content(stack, inbox, draft) == b"once"


def test_an_attachment_that_cannot_be_fetched_makes_no_draft(stack: Mailbox, inbox: str) -> None:
    with serving(says(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")) as port:
        answer = stack.http.post(at(inbox), {"attachments": [{"url": f"http://127.0.0.1:{port}/missing"}]})

    assert refusal(answer) == (403, "message_rejected")
    assert taken(stack.http.get(at(inbox)))["drafts"] == []


# --- client ids ---------------------------------------------------------------------------------------------------------


def test_a_client_id_makes_one_draft(stack: Mailbox, inbox: str, new_inbox: Callable[[], str]) -> None:
    client_id = uuid.uuid4().hex
    first = made(stack, inbox, client_id=client_id, text="first", attachments=[{"content": PDF}])
    edited = changed(stack, inbox, first, subject="edited")

    again = made(stack, inbox, client_id=client_id, text="second", in_reply_to="<none@example.com>", send_at=ahead(hours=-1))
    elsewhere = made(stack, new_inbox(), client_id=client_id)

    assert again == elsewhere == edited
    assert taken(stack.http.get(at(inbox)))["count"] == 1


def test_a_draft_is_found_by_its_client_id_everywhere(stack: Mailbox, inbox: str, new_inbox: Callable[[], str]) -> None:
    draft = made(stack, inbox, client_id=f"a.b~{uuid.uuid4().hex}", attachments=[{"content": PDF}])
    named, pod_id = draft["client_id"], stack.http.get(f"/inboxes/{inbox}").json()["pod_id"]
    tail = f"/attachments/{draft['attachments'][0]['attachment_id']}"

    for base in ("/drafts", f"/pods/{pod_id}/drafts", at(inbox)):
        assert taken(stack.http.get(f"{base}/{named}")) == draft
        assert taken(stack.http.get(f"{base}/{named}{tail}"))["size"] == 3
    assert stack.http.get(at(new_inbox(), named)).status_code == 404
    assert taken(stack.http.patch(at(inbox, named), {"to": "b@example.com"}))["draft_id"] == draft["draft_id"]
    assert stack.http.post(at(inbox, named, "/send")).status_code == 200
    assert stack.http.get(at(inbox, named)).status_code == 404


def test_a_client_id_of_a_draft_out_of_reach_is_not_found(stack: Mailbox, inbox: str, new_inbox: Callable[[], str]) -> None:
    draft, other = made(stack, inbox, client_id=uuid.uuid4().hex), new_inbox()

    answer = using_key(stack, inbox_id=other).post(at(other), {"client_id": draft["client_id"]})

    assert refusal(answer) == (404, "not_found")


def test_a_client_id_is_free_again_once_the_draft_is_sent_or_deleted(stack: Mailbox, inbox: str) -> None:
    client_id = uuid.uuid4().hex
    first = made(stack, inbox, client_id=client_id, to="b@example.com")
    stack.http.post(at(inbox, client_id, "/send"))
    second = made(stack, inbox, client_id=client_id)
    stack.http.delete(at(inbox, client_id))

    third = made(stack, inbox, client_id=client_id)

    assert len({first["draft_id"], second["draft_id"], third["draft_id"]}) == 3
