"""Mails of a hostile sender: each is stored byte-exact, listed, readable with the SDK, downloadable, and can be answered safely."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.support.polling import eventually
from tests.support.stacks import Mailbox

HEAD = b"From: b@example.com\r\nTo: a@example.com\r\n"
OWN_FIELDS = {
    *("from", "to", "cc", "subject", "date", "message-id", "in-reply-to", "references", "mime-version", "reply-to"),
    *("content-type", "content-transfer-encoding", "content-disposition", "content-id"),
}


def parts(*bodies: bytes) -> bytes:
    divided = b"".join(b"--BB\r\n" + body + b"\r\n" for body in bodies)
    return HEAD + b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="BB"\r\n\r\n' + divided + b"--BB--\r\n"


def attached(filename: bytes, content: bytes, more: bytes = b"") -> bytes:
    disposition = b"Content-Disposition: attachment; " + filename
    return b"Content-Type: application/octet-stream\r\n" + disposition + b"\r\n" + more + b"\r\n" + content


def nested(depth: int) -> bytes:
    inner = b"Content-Type: text/plain\r\n\r\nx"
    for level in range(depth):
        mark = b"d%d" % level
        inner = (
            b"Content-Type: multipart/mixed; boundary=" + mark + b"\r\n\r\n--" + mark + b"\r\n" + inner + b"\r\n--" + mark + b"--"
        )
    return HEAD + inner + b"\r\n"


def with_id(message_id: bytes) -> bytes:
    return b"Message-ID: <" + message_id + b">\r\n" + HEAD + b"Subject: id\r\n\r\nbody\r\n"


MAILS = {
    "unknown charset": HEAD + b"Subject: \xe9\xe8\r\nContent-Type: text/plain; charset=x-\xff\r\n\r\n\xe9\xff\x00abc\r\n",
    "broken base64": HEAD + b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!!=abc=\r\n",
    "1,200 parts": parts(*(attached(b"filename=f%d" % index, b"data%d" % index) for index in range(1200))),
    "long names": parts(
        *(
            attached(b"filename*=utf-8''" + b"%E6%BC%A2" * 80, b"%d" % index, b"Content-ID: <" + b"c" * 400 + b"@x>\r\n")
            for index in range(600)
        )
    ),
    "60 deep": nested(60),
    "NUL bytes": b"Message-ID: <n\x00ul@example.com>\r\n" + HEAD + b"Subject: a\x00b\r\n\r\nx\x00y\r\n",
    "no header": b"\r\nbody only\r\n",
    "an empty line": b"\r\n",
    "10,000 fields": HEAD + b"".join(b"X-H%d: v\r\n" % index for index in range(10_000)) + b"\r\nbody\r\n",
    "a line of 1 MB": HEAD + b"X-Long: " + b"a" * 1_000_000 + b"\r\n\r\n" + b"z" * 1_000_000 + b"\r\n",
    "garbage references": HEAD + b"In-Reply-To: <<>>><<a b> \xff <x@y\r\nReferences: " + b"<" * 5000 + b"\r\n\r\nb\r\n",
    "10,000 recipients": b"From: b@example.com\r\nTo: "
    + b",".join(b"u%d@x.com" % index for index in range(10_000))
    + b"\r\n\r\nb\r\n",
    "a subject of 100 KB": HEAD + b"Subject: " + b"s" * 100_000 + b"\r\n\r\nb\r\n",
    "line breaks in words": b"From: =?utf-8?q?x=0D=0AX-I:_1?= <b@example.com>\r\nTo: a@x\r\n"
    b"Subject: =?utf-8?q?=0D=0ABcc:_x=40y=00?=\r\n\r\nb\r\n",
    "junk sender": b"From: \xff\xfe garbage nobody\r\nReply-To: also bad\r\nTo: a@x\r\n\r\nb\r\n",
    "foreign sender": "From: Jürgen <jürgen@exämple.com>\r\nTo: a@x\r\n\r\nb\r\n".encode(),
    "file names": parts(
        attached(b'filename="../../etc/passwd"', b"A"),
        attached(b'filename="C:\\\\x\\\\y.exe"', b"BB"),
        attached(b'filename="a\xe2\x80\xaecod.exe"', b"CCC"),
        attached(b'filename="=?utf-8?q?a=0D=0AX-I:_1.txt?="', b"DDDD"),
        attached(b'filename=".."', b"EEEEE"),
    ),
    "dots": HEAD + b"\r\n.\n.\r..\r\n..\r\n...x\r\n.y\r\n",
    "bare line feeds": HEAD.replace(b"\r\n", b"\n") + b"\nbody\n\r\n",
}

IDS = {
    "slashes": with_id(b"a/b/raw/c@x"),
    "plus and equals": with_id(b"a+b=c/+/@x+y"),
    "a blank": with_id(b"a b c@x"),
    "marks": with_id(b"a#b?c%d%20%2F@x"),
    "1,000 characters": with_id(b"L" * 1000 + b"@x"),
    "480 wide characters": with_id("漢".encode() * 480 + b"@x"),
    "Latin-1": with_id(b"\xff\xfe@x"),
    "nothing": with_id(b""),
}


def new_inbox(stack: Mailbox) -> str:
    return str(stack.http.post("/inboxes", {}).json()["inbox_id"])


def received(stack: Mailbox, inbox: str, raw: bytes) -> dict[str, Any]:
    stack.deliver(raw, inbox)
    page = eventually(lambda: stack.http.get(f"/inboxes/{inbox}/messages").json()["messages"])
    return dict(page[0])


@pytest.mark.parametrize("raw", MAILS.values(), ids=MAILS)
def test_a_mail_is_stored_byte_exact_and_can_be_read_and_answered(sqlite_stack: Mailbox, raw: bytes) -> None:
    assert_usable(sqlite_stack, raw)


@pytest.mark.parametrize("raw", IDS.values(), ids=IDS)
def test_a_message_id_is_kept_or_replaced_and_can_be_asked_for(stack: Mailbox, raw: bytes) -> None:
    assert_usable(stack, raw)


def assert_usable(stack: Mailbox, raw: bytes) -> None:
    inbox = new_inbox(stack)
    listed = received(stack, inbox, raw)
    path = f"/inboxes/{inbox}/messages/{quote(listed['message_id'], safe='')}"

    message = stack.http.get(path).json()

    assert message["message_id"] == listed["message_id"]
    if not re.search("[?#]", listed["message_id"]):
        assert stack.client.inboxes.messages.get(inbox, listed["message_id"]).thread_id == listed["thread_id"]
    assert httpx.get(stack.http.get(path + "/raw").json()["download_url"]).content == raw
    for file in message.get("attachments", [])[:10]:
        url = stack.http.get(f"{path}/attachments/{file['attachment_id']}").json()["download_url"]
        assert len(httpx.get(url).content) == file["size"]
    for action, body in (("reply", {"text": "x"}), ("forward", {"to": "q@example.com", "html": "<b>x</b>"})):
        assert_answerable(stack, inbox, f"{path}/{action}", body)


def assert_answerable(stack: Mailbox, inbox: str, path: str, body: dict[str, Any]) -> None:
    """The answer leaves clean and is stored, or is refused for having nobody to go to."""
    before = len(stack.sent())
    answer = stack.http.post(path, body)
    assert answer.status_code in (200, 422)
    if answer.status_code == 200:
        sent_id = quote(answer.json()["message_id"], safe="")
        assert stack.http.get(f"/inboxes/{inbox}/messages/{sent_id}").status_code == 200
        assert_clean(stack.sent()[before])


def assert_clean(raw: bytes) -> None:
    """7-bit, CRLF only, no long lines, and no header field but our own."""
    assert raw.isascii()
    assert not re.search(rb"\0|(?<!\r)\n|\r(?!\n)", raw)
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    names = {name.lower() for name in email.message_from_bytes(raw, policy=email.policy.default)}
    assert names <= OWN_FIELDS, names


INJECTIONS = ["\r\nX-I: 1", "a\nX-I: 1", "a\rX-I: 1", "a\x0bX-I: 1", "a\x85X-I: 1", "a\u2028X-I: 1", "a\x00b", "\t x", "ü" * 200]
INJECTIONS += ["=?utf-8?q?=0D=0AX-I:_1?=", '"; x="', "a" * 900, "\u202eabc", "a\x1bb"]
PLACES: dict[str, Callable[[str], dict[str, Any]]] = {
    "subject": lambda value: {"subject": value},
    "display name": lambda value: {"to": f"{value} <q@example.com>"},
    "quoted display name": lambda value: {"to": f'"{value}" <q@example.com>'},
    "address": lambda value: {"to": f"q{value}@example.com"},
    "reply_to": lambda value: {"reply_to": f"{value} <q@example.com>"},
    "header name": lambda value: {"headers": {value: "x"}},
    "filename": lambda value: {"attachments": [{"content": "YQ==", "filename": value}]},
    "content type": lambda value: {"attachments": [{"content": "YQ==", "content_type": "text/plain; x=" + value}]},
    "content id": lambda value: {
        "html": "<p>",
        "attachments": [{"content": "YQ==", "content_id": value, "content_disposition": "inline"}],
    },
    "text": lambda value: {"text": value},
    "html": lambda value: {"html": value},
    "labels": lambda value: {"labels": [value]},
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_nothing_that_is_sent_breaks_out_of_its_field(sqlite_stack: Mailbox, place: Callable[[str], dict[str, Any]]) -> None:
    inbox = new_inbox(sqlite_stack)
    for value in INJECTIONS:
        before = len(sqlite_stack.sent())

        answer = sqlite_stack.http.post(f"/inboxes/{inbox}/messages/send", {"to": "q@example.com", **place(value)})

        assert answer.status_code in (200, 400)
        for raw in sqlite_stack.sent()[before:]:
            assert_clean(raw)


def test_a_header_of_the_callers_own_stays_one_field(sqlite_stack: Mailbox) -> None:
    inbox = new_inbox(sqlite_stack)
    for value in INJECTIONS:
        before = len(sqlite_stack.sent())

        sqlite_stack.http.post(f"/inboxes/{inbox}/messages/send", {"to": "q@example.com", "headers": {"X-A": value}})

        for raw in sqlite_stack.sent()[before:]:
            assert "X-I" not in email.message_from_bytes(raw, policy=email.policy.default)


def test_a_page_in_a_mail_is_downloaded_and_not_shown(stack: Mailbox, inbox: str) -> None:
    script = b"Content-Type: text/html\r\nContent-Disposition: inline; filename=x.html\r\n\r\n<script>alert(1)</script>"
    picture = b"Content-Type: image/svg+xml\r\nContent-Disposition: inline; filename=x.svg\r\n\r\n<svg onload=alert(1)>"
    message = received(stack, inbox, parts(script, picture))

    path = f"/inboxes/{inbox}/messages/{quote(message['message_id'], safe='')}/attachments/"
    urls = [stack.http.get(path + file["attachment_id"]).json()["download_url"] for file in message["attachments"]]

    assert len(urls) == 2
    for url in urls:
        assert httpx.get(url).headers["content-disposition"].startswith("attachment")
