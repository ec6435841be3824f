"""Send, reply, reply-all and forward as callers and recipients see them (spec: messages.md, "Sending")."""

from __future__ import annotations

import base64
import email
import email.policy
import http.server
import json
import threading
import uuid
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from agentmail.core.api_error import ApiError

from tests.support.desk import mail
from tests.support.polling import eventually
from tests.support.stacks import Mailbox

PNG = base64.b64encode(b"\x89PNG\r\n").decode()


def post(
    stack: Mailbox, inbox: str, body: Any, *, key: str | None = None, parent: str | None = None, how: str = "send"
) -> httpx.Response:
    path = f"/inboxes/{inbox}/messages/" + (f"{quote(parent, safe='')}/{how}" if parent else how)
    return stack.http.post(path, body, headers={} if key is None else {"Idempotency-Key": key})


def shown(stack: Mailbox, inbox: str, message_id: str) -> dict[str, Any]:
    return dict(stack.http.get(f"/inboxes/{inbox}/messages/{quote(message_id, safe='')}").json())


def last_sent(stack: Mailbox) -> EmailMessage:
    parsed = email.message_from_bytes(stack.sent()[-1], policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def arrived(stack: Mailbox, inbox: str, raw: bytes, message_id: str) -> dict[str, Any]:
    stack.deliver(raw, inbox)
    path = f"/inboxes/{inbox}/messages/{quote(message_id, safe='')}"
    eventually(lambda: stack.http.get(path).status_code == 200)
    return shown(stack, inbox, message_id)


@pytest.fixture
def received(stack: Mailbox, inbox: str) -> dict[str, Any]:
    """A mail from Ann to the inbox and Bob, with Carl in copy."""
    message_id = f"<{uuid.uuid4().hex}@example.com>"
    raw = mail(
        message_id=message_id,
        to=f"{inbox}, Bob <bob@example.com>",
        references=["<root@example.com>"],
        Cc="carl@example.com, " + inbox.replace("@", "+cc@"),
    )
    return arrived(stack, inbox, raw, message_id)


# --- send ---------------------------------------------------------------------------------------------------------------


def test_a_sent_message_is_readable_at_once_through_the_sdk(stack: Mailbox, inbox: str) -> None:
    sent = stack.client.inboxes.messages.send(
        inbox,
        to=["Bob <bob@example.com>"],
        cc="carl@example.com",
        bcc=["dora@example.com"],
        reply_to="team@example.com",
        subject="Grüße",
        text="Hallo",
        html="<p>Hallo</p>",
        labels=["Orders", "unread"],
        headers={"X-Ticket": "7"},
        attachments=[{"content": PNG, "filename": "a.png"}],
    )

    message = stack.client.inboxes.messages.get(inbox, sent.message_id)
    assert message.thread_id == sent.thread_id
    assert message.labels == ["sent", "orders", "unread"]
    assert (message.to, message.cc, message.bcc) == (["Bob <bob@example.com>"], ["carl@example.com"], ["dora@example.com"])
    assert (message.subject, message.text, message.html, message.preview) == ("Grüße", "Hallo", "<p>Hallo</p>", "Hallo")
    assert (message.reply_to, message.headers) == (["team@example.com"], {"X-Ticket": "7"})
    assert message.extracted_text is None
    [file] = message.attachments or []
    assert (file.filename, file.content_type, file.size) == ("a.png", "image/png", 6)
    out = last_sent(stack)
    assert (out["From"], out["Subject"], out["X-Ticket"], out["Bcc"]) == (inbox, "Grüße", "7", None)


def test_the_display_name_is_in_from(stack: Mailbox, inbox: str) -> None:
    stack.http.patch(f"/inboxes/{inbox}", {"display_name": 'Sales, "East"'})

    sent = post(stack, inbox, {"to": "bob@example.com"}).json()

    assert shown(stack, inbox, sent["message_id"])["from"] == f'"Sales, \\"East\\"" <{inbox}>'


def test_a_mail_without_a_body_has_an_empty_text(stack: Mailbox, inbox: str) -> None:
    sent = post(stack, inbox, {"to": "bob@example.com", "subject": None}).json()

    message = shown(stack, inbox, sent["message_id"])
    assert message["text"] == ""
    assert "html" not in message


def test_an_address_given_twice_gets_one_mail(stack: Mailbox, inbox: str) -> None:
    sent = post(stack, inbox, {"to": ["bob@example.com", "Bob <BOB@example.com>"], "cc": ["bob@EXAMPLE.com", "c@example.com"]})

    message = shown(stack, inbox, sent.json()["message_id"])
    assert (message["to"], message["cc"]) == (["bob@example.com"], ["c@example.com"])


def test_the_sent_mail_can_be_had_raw_and_its_attachment_as_bytes(stack: Mailbox, inbox: str) -> None:
    body = {"to": "bob@example.com", "attachments": [{"content": PNG, "filename": "ä.png"}]}
    message_id = post(stack, inbox, body).json()["message_id"]
    at = f"/inboxes/{inbox}/messages/{quote(message_id, safe='')}"

    raw = stack.http.get(f"{at}/raw").json()
    file = shown(stack, inbox, message_id)["attachments"][0]
    attachment = stack.http.get(f"{at}/attachments/{file['attachment_id']}").json()

    content = httpx.get(raw["download_url"], trust_env=False).content
    assert len(content) == raw["size"] == shown(stack, inbox, message_id)["size"]
    assert httpx.get(attachment["download_url"], trust_env=False).content == base64.b64decode(PNG)


def test_a_mail_between_two_inboxes_arrives(sqlite_stack: Mailbox) -> None:
    here, there = (sqlite_stack.http.post("/inboxes", {}).json()["inbox_id"] for _ in range(2))

    sent = post(sqlite_stack, here, {"to": there, "subject": "hi", "text": "there"}).json()

    path = f"/inboxes/{there}/messages/{quote(sent['message_id'], safe='')}"
    eventually(lambda: sqlite_stack.http.get(path).status_code == 200)
    message = shown(sqlite_stack, there, sent["message_id"])
    assert (message["labels"], message["text"].strip(), message["from"]) == (["received", "unread"], "there", here)


def test_a_mail_to_oneself_is_one_message(sqlite_stack: Mailbox) -> None:
    inbox = sqlite_stack.http.post("/inboxes", {}).json()["inbox_id"]

    sent = post(sqlite_stack, inbox, {"to": inbox, "subject": "note", "text": "self"}).json()

    eventually(lambda: "received" in shown(sqlite_stack, inbox, sent["message_id"])["labels"])
    assert shown(sqlite_stack, inbox, sent["message_id"])["labels"] == ["received", "sent", "unread"]
    assert sqlite_stack.http.get(f"/inboxes/{inbox}/messages").json()["count"] == 1
    assert sqlite_stack.http.get(f"/inboxes/{inbox}/threads/{sent['thread_id']}").json()["message_count"] == 1


# --- reply --------------------------------------------------------------------------------------------------------------


def test_a_reply_goes_to_the_sender_and_joins_the_thread(stack: Mailbox, inbox: str, received: dict[str, Any]) -> None:
    sent = stack.client.inboxes.messages.reply(inbox, received["message_id"], text="Yes")

    message = shown(stack, inbox, sent.message_id)
    assert sent.thread_id == received["thread_id"] == message["thread_id"]
    assert (message["to"], message["subject"], message["text"]) == (["Ann <ann@example.com>"], "Re: Hello", "Yes")
    assert message["in_reply_to"] == received["message_id"]
    assert message["references"] == ["<root@example.com>", received["message_id"]]
    out = last_sent(stack)
    assert out["In-Reply-To"] == received["message_id"]
    assert out["References"].split() == ["<root@example.com>", received["message_id"]]
    assert shown(stack, inbox, received["message_id"])["labels"] == ["received", "unread"]


def test_a_reply_to_all_leaves_out_the_inbox_itself(stack: Mailbox, inbox: str, received: dict[str, Any]) -> None:
    sent = stack.client.inboxes.messages.reply_all(inbox, received["message_id"], text="All")
    again = post(stack, inbox, {"reply_all": True, "text": "All"}, parent=received["message_id"], how="reply").json()

    for message in (shown(stack, inbox, sent.message_id), shown(stack, inbox, again["message_id"])):
        assert message["to"] == ["Ann <ann@example.com>", "Bob <bob@example.com>"]
        assert message["cc"] == ["carl@example.com"]


def test_given_recipients_replace_the_derived_ones(stack: Mailbox, inbox: str, received: dict[str, Any]) -> None:
    only = post(stack, inbox, {"to": "x@example.com"}, parent=received["message_id"], how="reply").json()
    copied = post(stack, inbox, {"cc": "x@example.com"}, parent=received["message_id"], how="reply").json()

    assert shown(stack, inbox, only["message_id"])["to"] == ["x@example.com"]
    message = shown(stack, inbox, copied["message_id"])
    assert (message["to"], message["cc"]) == (["Ann <ann@example.com>"], ["x@example.com"])


def test_a_reply_to_an_own_mail_goes_to_its_recipients(stack: Mailbox, inbox: str) -> None:
    first = post(stack, inbox, {"to": "bob@example.com", "subject": "re: x"}).json()

    second = post(stack, inbox, {"text": "ping"}, parent=first["message_id"], how="reply").json()

    message = shown(stack, inbox, second["message_id"])
    assert (message["to"], message["subject"]) == (["bob@example.com"], "re: x")
    assert second["thread_id"] == first["thread_id"]


def test_a_reply_to_all_of_a_note_to_self_goes_to_the_inbox(stack: Mailbox, inbox: str) -> None:
    note = post(stack, inbox, {"to": inbox}).json()

    again = post(stack, inbox, {}, parent=note["message_id"], how="reply-all").json()

    assert shown(stack, inbox, again["message_id"])["to"] == [inbox]


def test_reply_to_of_the_parent_wins_over_its_sender(stack: Mailbox, inbox: str) -> None:
    message_id = f"<{uuid.uuid4().hex}@example.com>"
    arrived(stack, inbox, mail(message_id=message_id, Reply_To="desk@example.com"), message_id)

    sent = post(stack, inbox, {}, parent=message_id, how="reply").json()

    assert shown(stack, inbox, sent["message_id"])["to"] == ["desk@example.com"]


def test_the_answer_to_a_reply_joins_the_thread(stack: Mailbox, inbox: str, received: dict[str, Any]) -> None:
    sent = post(stack, inbox, {"text": "Yes"}, parent=received["message_id"], how="reply").json()
    message_id = f"<{uuid.uuid4().hex}@example.com>"

    answer = arrived(stack, inbox, mail(message_id=message_id, in_reply_to=sent["message_id"]), message_id)

    assert answer["thread_id"] == received["thread_id"]
    thread = stack.http.get(f"/inboxes/{inbox}/threads/{received['thread_id']}").json()
    assert [message["message_id"] for message in thread["messages"]] == [received["message_id"], sent["message_id"], message_id]


# --- forward ------------------------------------------------------------------------------------------------------------


def with_files(message_id: str, inbox: str) -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"], message["Message-ID"] = "ann@example.com", inbox, "Plan", message_id
    message.set_content("See below.\n")
    message.add_alternative('<p>See <img src="cid:pic"></p>', subtype="html")
    message.get_payload()[1].add_related(b"PNG", "image", "png", cid="<pic>")  # type: ignore[index,union-attr]
    message.add_attachment(b"PDF", maintype="application", subtype="pdf", filename="plan.pdf")
    return message.as_bytes().replace(b"\n", b"\r\n")


def test_a_forward_carries_the_source_with_its_files(stack: Mailbox, inbox: str) -> None:
    message_id = f"<{uuid.uuid4().hex}@example.com>"
    source = arrived(stack, inbox, with_files(message_id, inbox), message_id)
    extra = {"content": PNG, "filename": "mine.png"}

    sent = stack.client.inboxes.messages.forward(inbox, message_id, to="bob@example.com", text="FYI", attachments=[extra])

    message = shown(stack, inbox, sent.message_id)
    assert (message["subject"], sent.thread_id) == ("Fwd: Plan", source["thread_id"])
    assert message["text"].startswith("FYI")
    assert "See below." in message["text"]
    assert "From: ann@example.com" in message["text"]
    assert "cid:pic" in message["html"]
    assert "in_reply_to" not in message
    assert message["references"] == [message_id]
    files = [(file.get("filename"), file.get("content_id"), file["inline"]) for file in message["attachments"]]
    assert sorted(files, key=str) == sorted([(None, "pic", True), ("plan.pdf", None, False), ("mine.png", None, False)], key=str)


def test_a_forward_may_have_its_own_subject(stack: Mailbox, inbox: str, received: dict[str, Any]) -> None:
    sent = post(stack, inbox, {"to": "b@example.com", "subject": "Look"}, parent=received["message_id"], how="forward").json()

    assert shown(stack, inbox, sent["message_id"])["subject"] == "Look"


# --- refusals, in their order -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"to": "nobody"}, ["to"]),
        ({"to": ["a@example.com", "b@example.com, c@example.com"]}, ["to", 1]),
        ({"to": 7}, ["to"]),
        ({"to": "a@example.com\r\nBcc: x@example.com"}, ["to"]),
        ({"to": [f"a{n}@example.com" for n in range(51)]}, ["to"]),
        ({"cc": "a@"}, ["cc"]),
        ({"reply_to": "x"}, ["reply_to"]),
        ({"subject": "a\r\nX: y"}, ["subject"]),
        ({"subject": "a" * 999}, ["subject"]),
        ({"text": 5}, ["text"]),
        ({"labels": ["sent"]}, ["labels", 0]),
        ({"labels": ["ok", "trash"]}, ["labels", 1]),
        ({"labels": [""]}, ["labels", 0]),
        ({"labels": [f"l{n}" for n in range(100)]}, ["labels"]),
        ({"headers": {"Bcc": "x@example.com"}}, ["headers", "Bcc"]),
        ({"headers": {"X-A": "a\nb"}}, ["headers", "X-A"]),
        ({"headers": {"X A": "b"}}, ["headers", "X A"]),
        ({"attachments": [{"content": "%%%"}]}, ["attachments", 0, "content"]),
        ({"attachments": [{"filename": "a"}]}, ["attachments", 0]),
        ({"attachments": [{"content": "", "url": "http://x"}]}, ["attachments", 0]),
        ({"attachments": [{"content": "", "content_type": "no type"}]}, ["attachments", 0, "content_type"]),
        ({"attachments": [{"content": "", "filename": "a\r\nb"}]}, ["attachments", 0, "filename"]),
        ({"attachments": [{"content": "", "content_disposition": "Inline"}]}, ["attachments", 0, "content_disposition"]),
        ({"track_opens": True, "html": "<p>"}, ["track_opens"]),
        ({"track_opens": "yes"}, ["track_opens"]),
    ],
)
def test_a_malformed_field_is_named(sqlite_stack: Mailbox, body: dict[str, Any], path: list[str | int]) -> None:
    inbox = sqlite_stack.http.post("/inboxes", {}).json()["inbox_id"]

    answer = post(sqlite_stack, inbox, {"to": "ok@example.com", **body})

    assert answer.status_code == 400
    assert path in [error["path"] for error in answer.json()["errors"]]


def test_all_malformed_fields_are_named_at_once(stack: Mailbox, inbox: str) -> None:
    answer = post(stack, inbox, {"to": "x", "subject": "a\nb", "headers": {"From": "x"}})

    assert {error["path"][0] for error in answer.json()["errors"]} == {"to", "subject", "headers"}


def test_reply_all_cannot_be_combined_with_recipients(stack: Mailbox, inbox: str, received: dict[str, Any]) -> None:
    answer = post(stack, inbox, {"reply_all": True, "to": "x@example.com"}, parent=received["message_id"], how="reply")

    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (400, ["reply_all"])


def test_tracking_without_html_is_ignored(stack: Mailbox, inbox: str) -> None:
    assert post(stack, inbox, {"to": "b@example.com", "text": "x", "track_opens": True}).status_code == 200


@pytest.mark.parametrize("body", [{}, {"to": []}, None])
def test_no_recipient_is_unprocessable(stack: Mailbox, inbox: str, body: Any) -> None:
    answer = post(stack, inbox, body)

    assert (answer.status_code, answer.json()["code"]) == (422, "unprocessable")


def test_a_paused_inbox_sends_nothing(stack: Mailbox, inbox: str) -> None:
    stack.http.patch(f"/inboxes/{inbox}", {"status": "paused"})

    answers = [post(stack, inbox, body) for body in ({"to": "b@example.com"}, {}, {"to": "x"})]

    assert [answer.status_code for answer in answers] == [403, 403, 400]
    assert answers[0].json()["code"] == "inbox_paused"


@pytest.mark.parametrize("how", ["reply", "reply-all", "forward"])
def test_an_unknown_parent_is_not_found_after_the_body_is_checked(stack: Mailbox, inbox: str, how: str) -> None:
    missing = post(stack, inbox, {}, parent="<nobody@example.com>", how=how)
    malformed = post(stack, inbox, {"text": 1}, parent="<nobody@example.com>", how=how)

    assert (missing.status_code, malformed.status_code) == (404, 400)


def test_an_unknown_inbox_is_not_found_before_the_body_is_checked(stack: Mailbox) -> None:
    assert post(stack, "nobody@mailroom.local", {"to": 1}).status_code == 404


def test_a_hidden_parent_is_not_found(stack: Mailbox, inbox: str) -> None:
    message_id = f"<{uuid.uuid4().hex}@example.com>"
    arrived(stack, inbox, mail(message_id=message_id, X_Mailroom_Verdicts="spam=FAIL"), message_id)
    permissions = {"message_send": True, "message_read": True}
    key = stack.http.post("/api-keys", {"name": "narrow", "permissions": permissions}).json()["api_key"]

    answer = stack.strict(key).post(f"/inboxes/{inbox}/messages/{quote(message_id, safe='')}/reply", {"text": "x"})

    assert answer.status_code == 404


@pytest.mark.parametrize("how", ["send", "reply"])
def test_sending_needs_its_permissions(stack: Mailbox, inbox: str, received: dict[str, Any], how: str) -> None:
    granted = {"send": {"message_read": True}, "reply": {"message_send": True}}[how]
    key = stack.http.post("/api-keys", {"name": "narrow", "permissions": granted}).json()["api_key"]
    parent = "" if how == "send" else f"{quote(received['message_id'], safe='')}/"

    answer = stack.strict(key).post(f"/inboxes/{inbox}/messages/{parent}{how}", {"to": "b@example.com"})

    assert (answer.status_code, answer.json()["code"]) == (403, "missing_permission")


def test_a_refusal_decodes_as_the_sdks_error(stack: Mailbox, inbox: str) -> None:
    with pytest.raises(ApiError) as refused:
        stack.client.inboxes.messages.send(inbox, to="b@example.com", attachments=[{"url": "file:///etc/passwd"}])

    assert refused.value.status_code == 403
    assert type(refused.value).__name__ == "MessageRejectedError"


# --- attachments by URL -------------------------------------------------------------------------------------------------


@pytest.fixture
def file_server() -> Iterator[str]:
    class Files(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/a.pdf" else 404)
            self.send_header("Content-Type", "application/pdf")
            self.end_headers()
            self.wfile.write(b"PDF")

        def log_message(self, *_: object) -> None:
            """Silent."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_an_attachment_is_fetched_from_its_url(stack: Mailbox, inbox: str, file_server: str) -> None:
    sent = post(stack, inbox, {"to": "b@example.com", "attachments": [{"url": f"{file_server}/a.pdf"}]}).json()

    [file] = shown(stack, inbox, sent["message_id"])["attachments"]
    assert (file["size"], file["content_type"]) == (3, "application/pdf")


def test_an_attachment_that_cannot_be_fetched_rejects_the_message(stack: Mailbox, inbox: str, file_server: str) -> None:
    before = len(stack.sent())

    answer = post(stack, inbox, {"to": "b@example.com", "attachments": [{"url": f"{file_server}/missing"}]})

    assert (answer.status_code, answer.json()["code"]) == (403, "message_rejected")
    assert len(stack.sent()) == before


# --- Idempotency-Key ----------------------------------------------------------------------------------------------------


def test_the_same_key_sends_one_mail(stack: Mailbox, inbox: str) -> None:
    key, body = uuid.uuid4().hex, {"to": "b@example.com", "text": "once"}

    first, second = (post(stack, inbox, body, key=key) for _ in range(2))

    assert first.status_code == second.status_code == 200
    assert first.json() == second.json()
    assert stack.http.get(f"/inboxes/{inbox}/messages").json()["count"] == 1


def test_a_key_means_one_request(stack: Mailbox, new_inbox: Callable[[], str]) -> None:
    key, here, there = uuid.uuid4().hex, new_inbox(), new_inbox()
    body = {"to": "b@example.com", "text": "once"}
    first = post(stack, here, body, key=key).json()

    answers = [
        post(stack, here, {**body, "text": "twice"}, key=key),
        post(stack, there, body, key=key),
        post(stack, here, body, key=key, parent=first["message_id"], how="reply"),
    ]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(409, "conflict")] * 3


def test_the_order_of_fields_does_not_matter_to_a_key(stack: Mailbox, inbox: str) -> None:
    key, body = uuid.uuid4().hex, {"to": "b@example.com", "text": "once"}
    first = post(stack, inbox, body, key=key)

    again = stack.http.post(
        f"/inboxes/{inbox}/messages/send",
        content=json.dumps(dict(reversed(body.items())), indent=2),
        headers={"Idempotency-Key": key, "Content-Type": "application/json"},
    )

    assert again.json() == first.json()


def test_a_request_that_failed_leaves_its_key_free(stack: Mailbox, inbox: str) -> None:
    key = uuid.uuid4().hex
    assert post(stack, inbox, {}, key=key).status_code == 422

    answer = post(stack, inbox, {"to": "b@example.com"}, key=key)

    assert answer.status_code == 200


@pytest.mark.parametrize("key", ["", "a b", "x" * 257, "ü"])
def test_a_malformed_key_is_refused(sqlite_stack: Mailbox, key: str) -> None:
    inbox = sqlite_stack.http.post("/inboxes", {}).json()["inbox_id"]

    answer = sqlite_stack.http.post(
        f"/inboxes/{inbox}/messages/send", {"to": "b@example.com"}, headers=[(b"Idempotency-Key", key.encode())]
    )

    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (400, ["Idempotency-Key"])
