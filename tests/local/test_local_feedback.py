"""Delivery feedback on one machine: the relay's answers, the simulator's addresses and reports that come back mean what they would
on SES (design: flows.md, "Mail out")."""

from __future__ import annotations

import contextlib
import email
import email.policy
import smtplib
import uuid
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from local import delivery
from local.feedback import Failed, bounce_kind, enhanced_status
from mailroom.config import Config
from mailroom.events import types
from mailroom.store import keys
from mailroom.store.port import Query
from tests.support.polling import eventually
from tests.support.relay import FakeRelay, running_relay
from tests.support.stacks import Mailbox, SqliteStack

UNLIMITED = Config(rate_per_second=0)


class Post:
    """An inbox of a stack of its own, and what became of its mail."""

    def __init__(self, stack: SqliteStack, mailbox: Mailbox) -> None:
        self.stack, self.http = stack, mailbox.http
        self.inbox = self.new_inbox()

    def new_inbox(self) -> str:
        return str(self.http.post("/inboxes", {"username": f"t{uuid.uuid4().hex[:12]}"}).json()["inbox_id"])

    def send(self, *recipients: str) -> str:
        answer = self.http.post(f"/inboxes/{self.inbox}/messages/send", {"to": list(recipients), "subject": "Hi", "text": "x"})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["message_id"])

    def labels(self, message_id: str) -> list[str]:
        return list(self.http.get(f"/inboxes/{self.inbox}/messages/{quote(message_id, safe='')}").json()["labels"])

    def payloads(self, event_type: str) -> list[Any]:
        row = self.stack.items.get(keys.address(self.inbox))
        assert row is not None
        rows = self.stack.items.query(Query("ev", keys.events(row["organization_id"], self.inbox, event_type), 100))
        return [each["payload"] for each in rows]

    def becomes(self, message_id: str, *labels: str) -> None:
        eventually(lambda: self.labels(message_id) == sorted([*labels, "sent"]))

    def suppressed(self, address: str) -> bool:
        row = self.stack.items.get(keys.address(self.inbox))
        assert row is not None
        return self.stack.items.get(keys.list_entry(row["organization_id"], "send", "block", address)) is not None

    def received(self) -> list[dict[str, Any]]:
        found = self.http.get(f"/inboxes/{self.inbox}/messages", params={"labels": "received"}).json()["messages"]
        return list(found)


@contextlib.contextmanager
def posted(**options: Any) -> Iterator[Post]:
    with SqliteStack(UNLIMITED, **options) as stack, contextlib.closing(Mailbox(stack)) as mailbox:
        yield Post(stack, mailbox)


@pytest.fixture(scope="module")
def captured() -> Iterator[Post]:
    with posted() as post:
        yield post


@pytest.fixture
def post(captured: Post) -> Post:
    """The stack is kept, the inbox is new."""
    captured.inbox = captured.new_inbox()
    return captured


@pytest.fixture
def relay() -> Iterator[FakeRelay]:
    with running_relay() as server:
        yield server


# --- replies ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        ("550 5.1.1 No such user", "5.1.1"),
        ("5.7.26 Not authenticated", "5.7.26"),
        ("550-5.1.1 No such user", "5.1.1"),
        ("550 No such user", None),
        ("550 5.1.1.9 odd", None),
        ("Not delivered", None),
    ],
)
def test_the_status_of_a_reply_is_read_where_it_has_one(reply: str, status: str | None) -> None:
    assert enhanced_status(reply) == status


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ("550 5.1.1 No such user", ("Permanent", "NoEmail")),
        ("550 No such user", ("Permanent", "General")),
        ("550 5.2.1 Disabled", ("Permanent", "General")),
        ("552 5.2.2 Full", ("Transient", "MailboxFull")),
        ("552 5.3.4 Too large", ("Transient", "MessageTooLarge")),
        ("554 5.7.1 Relaying denied", ("Transient", "ContentRejected")),
        ("554 5.6.0 Not this", ("Transient", "ContentRejected")),
        ("554 5.3.0 The mail is gone", ("Transient", "General")),
    ],
)
def test_only_what_condemns_the_address_is_permanent(reply: str, kind: tuple[str, str]) -> None:
    assert bounce_kind(Failed("bob@example.com", reply)) == kind


# --- the relay's answers ------------------------------------------------------------------------------------------------


def test_a_relay_that_refuses_one_of_three_says_so_exactly(relay: FakeRelay) -> None:
    relay.rcpt = {"bad@example.com": "550 5.1.1 No such user"}
    with posted(relay=("127.0.0.1", relay.port)) as post:
        message_id = post.send("ok@example.com", "bad@example.com", "too@example.com")

        post.becomes(message_id, "bounced", "delivered")

        assert post.payloads(types.DELIVERED) == [{"recipients": ["ok@example.com", "too@example.com"]}]
        assert post.payloads(types.BOUNCED) == [
            {"type": "Permanent", "sub_type": "NoEmail", "recipients": [{"address": "bad@example.com", "status": "5.1.1"}]}
        ]
        assert [post.suppressed(f"{name}@example.com") for name in ("ok", "bad", "too")] == [False, True, False]


def test_a_refusal_without_a_status_has_none(relay: FakeRelay) -> None:
    relay.rcpt = {"bad@example.com": "550 No such user"}
    with posted(relay=("127.0.0.1", relay.port)) as post:
        post.becomes(post.send("bad@example.com"), "bounced")

        [bounce] = post.payloads(types.BOUNCED)
        assert bounce["recipients"] == [{"address": "bad@example.com", "status": "bounced"}]


@pytest.mark.parametrize("answer", ["530 Authentication required", "550 5.7.1 Not you"])
def test_a_relay_that_does_not_let_us_in_suppresses_nobody(relay: FakeRelay, answer: str) -> None:
    relay.sender = answer
    with posted(relay=("127.0.0.1", relay.port)) as post:
        post.becomes(post.send("bob@example.com"), "bounced")

        assert post.payloads(types.BOUNCED)[0]["type"] == "Transient"
        assert not post.suppressed("bob@example.com")


def test_a_first_deferral_is_a_delay_and_the_delivery_follows(relay: FakeRelay, monkeypatch: pytest.MonkeyPatch) -> None:
    relay.rcpt = {"busy@example.com": "450 4.2.0 Greylisted"}
    monkeypatch.setattr(delivery.Deliverer.__init__, "__kwdefaults__", {"waits_s": (0.2,)})
    with posted(relay=("127.0.0.1", relay.port)) as post:
        message_id = post.send("busy@example.com")
        post.becomes(message_id, "delayed")
        relay.rcpt = {}

        post.becomes(message_id, "delayed", "delivered")

        assert post.payloads(types.BOUNCED) == []
        assert post.payloads(types.DELIVERED) == [{"recipients": ["busy@example.com"]}]


def test_an_inbox_here_and_an_address_that_is_nobodys(post: Post) -> None:
    here = post.new_inbox()

    message_id = post.send(here, "nobody-at-all@mailroom.local", "far@example.com")

    eventually(lambda: len(post.payloads(types.DELIVERED)) == 2)
    post.becomes(message_id, "bounced", "delivered")
    assert sorted(each["recipients"] for each in post.payloads(types.DELIVERED)) == sorted([[here], ["far@example.com"]])
    assert post.payloads(types.BOUNCED) == [
        {"type": "Permanent", "sub_type": "NoEmail", "recipients": [{"address": "nobody-at-all@mailroom.local", "status": "5.1.1"}]}
    ]
    assert len(post.payloads(types.SENT)) == 1


# --- the simulator ------------------------------------------------------------------------------------------------------


def label(scenario: str) -> str:
    return f"{scenario}+{uuid.uuid4().hex[:8]}@simulator.amazonses.com"


def test_a_simulated_success_is_delivered_and_captured_nowhere(post: Post) -> None:
    before = len(post.stack.sent())
    address = label("success")

    post.becomes(post.send(address), "delivered")

    assert post.payloads(types.DELIVERED) == [{"recipients": [address]}]
    assert len(post.stack.sent()) == before


@pytest.mark.parametrize(("scenario", "sub_type"), [("bounce", "General"), ("suppressionlist", "OnAccountSuppressionList")])
def test_simulated_bounces_are_permanent_and_suppress(post: Post, scenario: str, sub_type: str) -> None:
    address = label(scenario)

    post.becomes(post.send(address), "bounced")

    assert post.payloads(types.BOUNCED) == [
        {"type": "Permanent", "sub_type": sub_type, "recipients": [{"address": address, "status": "5.1.1"}]}
    ]
    assert post.suppressed(address)


def test_a_simulated_complaint_follows_a_delivery(post: Post) -> None:
    address = label("complaint")

    post.becomes(post.send(address), "complained", "delivered")

    assert post.payloads(types.COMPLAINED) == [{"type": "abuse", "sub_type": "spam", "recipients": [address]}]
    assert post.suppressed(address)


def test_a_simulated_absence_answers_by_itself(post: Post) -> None:
    message_id = post.send(label("ooto"))

    [answer] = eventually(post.received)

    post.becomes(message_id, "delivered")
    assert answer["in_reply_to"] == message_id
    headers = post.http.get(f"/inboxes/{post.inbox}/messages/{quote(answer['message_id'], safe='')}").json()["headers"]
    assert headers["Auto-Submitted"] == "auto-replied"


def test_simulated_recipients_never_reach_a_relay(relay: FakeRelay) -> None:
    with posted(relay=("127.0.0.1", relay.port)) as post:
        message_id = post.send(label("success"), label("bounce"), "Nobody@Simulator.AmazonSES.com", "real@example.com")

        post.becomes(message_id, "bounced", "delivered")
        eventually(lambda: relay.mails)

        assert [envelope.rcpt_tos for envelope in relay.mails] == [["real@example.com"]]


# --- reports that come back ---------------------------------------------------------------------------------------------


def report(message_id: str, recipient: str, *, action: str = "failed", status: str = "5.1.1", head: str = "rfc822") -> bytes:
    return (
        "From: MAILER-DAEMON@mx.example.com\r\nTo: agent\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n"
        f"Message-ID: <{uuid.uuid4().hex}@mx.example.com>\r\nAuto-Submitted: auto-replied\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.com\r\n\r\n"
        f"Final-Recipient: rfc822; {recipient}\r\nAction: {action}\r\nStatus: {status}\r\n"
        f"Diagnostic-Code: smtp; 550 {status} unknown\r\n"
        f"--b\r\nContent-Type: message/{head}\r\n\r\nFrom: agent\r\nMessage-ID: {message_id}\r\nSubject: Hi\r\n\r\nx\r\n--b--\r\n"
    ).encode()


def come_back(post: Post, raw: bytes, *, sender: str = "<>", inbox: str | None = None) -> None:
    """Returns when the report is stored as a message, after whatever it says was announced."""
    before = len(post.received()) if inbox is None else 0
    with smtplib.SMTP(*post.stack.smtp) as smtp:
        smtp.sendmail(sender, [inbox or post.inbox], raw)
    if inbox is None:
        eventually(lambda: len(post.received()) == before + 1)
    eventually(lambda: post.stack.queues.size("notices") == 0)


def test_a_report_that_comes_back_is_a_bounce_once_and_a_message(post: Post) -> None:
    recipient = f"{uuid.uuid4().hex[:8]}@example.com"
    message_id = post.send(recipient)
    post.becomes(message_id, "delivered")

    come_back(post, report(message_id, recipient))
    come_back(post, report(message_id, recipient.upper()))

    post.becomes(message_id, "bounced", "delivered")
    assert post.payloads(types.BOUNCED) == [
        {"type": "Permanent", "sub_type": "NoEmail", "recipients": [{"address": recipient, "status": "5.1.1"}]}
    ]
    assert post.suppressed(recipient)
    assert len(post.received()) == 2


@pytest.mark.parametrize(
    ("action", "status", "kind", "labels"),
    [
        ("failed", "4.4.7", "Transient", ["bounced"]),
        ("delayed", "4.4.1", None, ["delayed"]),
        ("delivered", "2.0.0", None, []),
        ("nonsense", "", None, []),
    ],
)
def test_other_reports_condemn_nobody(post: Post, action: str, status: str, kind: str | None, labels: list[str]) -> None:
    recipient = f"{uuid.uuid4().hex[:8]}@example.com"
    message_id = post.send(recipient)
    post.becomes(message_id, "delivered")

    come_back(post, report(message_id, recipient, action=action, status=status))

    post.becomes(message_id, "delivered", *labels)
    assert [each["type"] for each in post.payloads(types.BOUNCED)] == ([kind] if kind else [])
    assert not post.suppressed(recipient)


def test_a_report_of_headers_only_is_understood(post: Post) -> None:
    recipient = f"{uuid.uuid4().hex[:8]}@example.com"
    message_id = post.send(recipient)
    post.becomes(message_id, "delivered")

    come_back(post, report(message_id, recipient, head="rfc822-headers").replace(b"message/rfc822-h", b"text/rfc822-h"))

    post.becomes(message_id, "bounced", "delivered")


@pytest.mark.parametrize("forgery", ["other id", "other recipient", "other inbox", "real sender", "no status part"])
def test_a_forged_report_is_only_a_message(post: Post, forgery: str) -> None:
    recipient, other = (f"{uuid.uuid4().hex[:8]}@example.com" for _ in range(2))
    message_id = post.send(recipient)
    post.becomes(message_id, "delivered")
    raw = report(message_id, other if forgery == "other recipient" else recipient)

    if forgery == "other id":
        come_back(post, report(f"<{uuid.uuid4()}@mailroom.local>", recipient))
    elif forgery == "other inbox":
        come_back(post, raw, inbox=post.new_inbox())
    elif forgery == "real sender":
        come_back(post, raw, sender="eve@example.com")
    elif forgery == "no status part":
        come_back(post, raw.replace(b"message/delivery-status\r\n\r\n", b"text/plain\r\n\r\n"))
    else:
        come_back(post, raw)

    assert post.labels(message_id) == ["delivered", "sent"]
    assert post.payloads(types.BOUNCED) == []
    assert not post.suppressed(recipient)
    assert not post.suppressed(other)


def test_a_report_names_the_send_by_its_envelope_id_too(post: Post) -> None:
    recipient = f"{uuid.uuid4().hex[:8]}@example.com"
    message_id = post.send(recipient)
    post.becomes(message_id, "delivered")
    row = post.stack.database.read().execute("SELECT intent_id FROM outbox_mail WHERE message_id = ?", (message_id,)).fetchone()
    raw = report("<unknown@example.com>", recipient).replace(
        b"Reporting-MTA", f"Original-Envelope-Id: {row[0]}\r\nReporting-MTA".encode()
    )

    come_back(post, raw)

    post.becomes(message_id, "bounced", "delivered")


@pytest.mark.parametrize(
    "garbage", [b"", b"\xff" * 2000, b"--b\r\n" * 5000, b"--b\r\nContent-Type: message/delivery-status\r\n\r\n\r\n\r\n"]
)
def test_a_broken_report_is_still_a_mail(post: Post, garbage: bytes) -> None:
    head = b'From: x@example.com\r\nContent-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'

    come_back(post, head + garbage)

    assert len(post.received()) == 1


# --- feedback as mail ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mailed() -> Iterator[Post]:
    with posted(feedback=True) as post:
        yield post


@pytest.fixture
def mailing(mailed: Post) -> Post:
    """A stack that mails feedback; the inbox is new."""
    mailed.inbox = mailed.new_inbox()
    return mailed


def raw_mail(post: Post, message_id: str) -> bytes:
    link = post.http.get(f"/inboxes/{post.inbox}/messages/{quote(message_id, safe='')}/raw").json()["download_url"]
    return httpx.get(link, trust_env=False).raise_for_status().content


def parts(raw: bytes) -> tuple[EmailMessage, list[Any]]:
    whole = email.message_from_bytes(raw, policy=email.policy.default)
    return whole, list(whole.iter_parts())


def settled(post: Post) -> None:
    eventually(lambda: post.stack.queues.size("inbound") == 0 and post.stack.queues.size("notices") == 0)


def test_a_bounce_is_mailed_into_the_thread_of_its_mail(mailing: Post) -> None:
    address = label("bounce")
    message_id = mailing.send(address)

    [found] = eventually(mailing.received)

    sent = mailing.http.get(f"/inboxes/{mailing.inbox}/messages/{quote(message_id, safe='')}").json()
    assert found["thread_id"] == sent["thread_id"]
    assert (found["in_reply_to"], found["references"]) == (message_id, [message_id])
    whole, (text, status, original) = parts(raw_mail(mailing, found["message_id"]))
    assert whole.get_content_type() == "multipart/report"
    assert whole.get_param("report-type") == "delivery-status"
    assert whole["From"].addresses[0].addr_spec == "MAILER-DAEMON@mailroom.local"
    assert (whole["To"], whole["Return-Path"], whole["Auto-Submitted"]) == (mailing.inbox, "<>", "auto-replied")
    assert f"{address}\r\n    5.1.1: 550 5.1.1 user unknown" in text.get_content()
    about, recipient = status.iter_parts()
    assert about["Reporting-MTA"] == "dns; mailroom.local"
    assert (recipient["Final-Recipient"], recipient["Action"]) == (f"rfc822; {address}", "failed")
    assert (recipient["Status"], recipient["Diagnostic-Code"]) == ("5.1.1", "smtp; 550 5.1.1 user unknown")
    assert original.get_content_type() == "text/rfc822-headers"
    header = email.message_from_string(original.get_content())
    assert (header["Message-ID"], header["Subject"]) == (message_id, "Hi")


def test_a_mailed_bounce_is_one_bounce(mailing: Post) -> None:
    message_id = mailing.send(label("bounce"))
    [found] = eventually(mailing.received)
    mailing.becomes(message_id, "bounced")

    come_back(mailing, raw_mail(mailing, found["message_id"]).replace(b"<feedback.", b"<again."))
    settled(mailing)

    assert len(mailing.payloads(types.BOUNCED)) == 1
    assert mailing.labels(message_id) == ["bounced", "sent"]


def test_a_complaint_is_mailed_as_an_abuse_report(mailing: Post) -> None:
    address = label("complaint")
    message_id = mailing.send(address)

    [found] = eventually(mailing.received)

    mailing.becomes(message_id, "complained", "delivered")
    whole, (text, status, original) = parts(raw_mail(mailing, found["message_id"]))
    assert whole.get_param("report-type") == "feedback-report"
    assert address in text.get_content()
    assert status.get_content_type() == "message/feedback-report"
    assert b"Original-Rcpt-To: <" + address.encode() in status.as_bytes()
    assert message_id in original.get_content()
    assert mailing.payloads(types.BOUNCED) == []


def test_a_refusal_of_the_relay_is_mailed_whatever_it_says(relay: FakeRelay) -> None:
    relay.rcpt = {"bad@example.com": "550 No --b " + "x" * 400}
    with posted(relay=("127.0.0.1", relay.port), feedback=True) as post:
        message_id = post.send("ok@example.com", "bad@example.com")

        [found] = eventually(post.received)

        post.becomes(message_id, "bounced", "delivered")
        _, (_, status, _) = parts(raw_mail(post, found["message_id"]))
        _, recipient = status.iter_parts()
        assert (recipient["Final-Recipient"], recipient["Status"]) == ("rfc822; bad@example.com", "5.0.0")
        assert recipient["Diagnostic-Code"].startswith("smtp; 550 No --b x")


def test_an_address_that_is_nobodys_is_mailed_and_deliveries_are_not(mailing: Post) -> None:
    mailing.becomes(mailing.send("far@example.com", label("success")), "delivered")
    settled(mailing)
    before = mailing.received()

    mailing.send("nobody-at-all@mailroom.local")

    [found] = eventually(mailing.received)
    assert before == []
    assert b"rfc822; nobody-at-all@mailroom.local" in raw_mail(mailing, found["message_id"])


def test_a_report_that_came_back_is_not_mailed_again(mailing: Post) -> None:
    recipient = f"{uuid.uuid4().hex[:8]}@example.com"
    message_id = mailing.send(recipient)
    mailing.becomes(message_id, "delivered")

    come_back(mailing, report(message_id, recipient))
    settled(mailing)

    mailing.becomes(message_id, "bounced", "delivered")
    assert len(mailing.received()) == 1


def test_without_the_setting_no_feedback_is_mailed(post: Post) -> None:
    post.becomes(post.send(label("bounce")), "bounced")
    post.becomes(post.send(label("complaint")), "complained", "delivered")
    settled(post)

    assert post.received() == []
