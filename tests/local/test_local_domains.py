"""Custom domains on one machine from end to end: a relay, a name server, and mail that is really checked when it comes in
(design: running.md; flows.md, "Mail in", "Mail out")."""

from __future__ import annotations

import contextlib
import smtplib
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from aiosmtpd.smtp import Envelope

from local import Stack
from local.delivery import Deliverer
from mailroom.config import Config
from mailroom.runtime import Runtime
from mailroom.store import keys
from tests.support.domain_rows import inbox_at, released_domain, verified_domain
from tests.support.nameserver import NameServer, name_server
from tests.support.polling import eventually
from tests.support.relay import FakeRelay, running_relay
from tests.support.stacks import Mailbox, SqliteStack

DOMAIN = "acme.example"
ELSEWHERE = "elsewhere.example"


class CheckingStack(SqliteStack):
    """Asks a real name server."""

    def _runtime(self, deliverer: Deliverer) -> Runtime:
        return Stack._runtime(self, deliverer)


class Machine:
    def __init__(self, stack: CheckingStack, mailbox: Mailbox, relay: FakeRelay, dns: NameServer) -> None:
        self.stack, self.http, self.relay, self.dns = stack, mailbox.http, relay, dns
        self.bob = str(self.http.post("/inboxes", {"username": "bob"}).json()["inbox_id"])
        row = stack.items.get(keys.address(self.bob))
        assert row is not None
        self.o, self.pod = row["organization_id"], row["pod_id"]
        verified_domain(stack.runtime, self.o, DOMAIN, subdomains_enabled=True)
        self.ann = self.inbox(f"ann@{DOMAIN}")
        self.publish()

    def inbox(self, address: str) -> str:
        return inbox_at(self.stack.runtime, self.o, address, pod_id=self.pod)

    def publish(self, *more: str, policy: str = "reject") -> None:
        """What the domain's owner was asked to publish, with the relay here, and a host elsewhere that may send for itself."""
        identity = self.stack.identities.register(DOMAIN, self.o, feedback=False)
        records = [f'{name}. {kind} "{value[:200]}" "{value[200:]}"' for kind, name, value in identity.dkim]
        records += [
            f'mail.{DOMAIN}. TXT "v=spf1 {identity.spf} ~all"',
            f'_dmarc.{DOMAIN}. TXT "v=DMARC1; p={policy}"',
            f'{ELSEWHERE}. TXT "v=spf1 ip4:127.0.0.1 -all"',
        ]
        self.dns.serve("\n".join([*records, *more]) + "\n")

    def send(self, inbox: str, *recipients: str) -> str:
        answer = self.http.post(f"/inboxes/{inbox}/messages/send", {"to": list(recipients), "subject": "Hi", "text": "Hello"})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["message_id"])

    def left(self, message_id: str) -> Envelope:
        """What the relay was given."""
        mark = f"Message-ID: {message_id}\r\n".encode()
        found: Envelope = eventually(lambda: next((each for each in self.relay.mails if mark in each.original_content), None))
        return found

    def arrive(self, raw: bytes, *, sender: str, to: str | None = None) -> None:
        with smtplib.SMTP(*self.stack.smtp) as smtp:
            smtp.sendmail(sender, [to or self.bob], raw)
        eventually(lambda: self.stack.queues.size("inbound") == 0 and self.stack.queues.size("notices") == 0)

    def received(self, subject: str, inbox: str | None = None) -> list[list[str]]:
        """The labels of each message with that subject."""
        hidden = {"include_unauthenticated": "true", "include_spam": "true", "limit": "100"}
        found = self.http.get(f"/inboxes/{inbox or self.bob}/messages", params=hidden).json()["messages"]
        return [each["labels"] for each in found if each.get("subject") == subject and "received" in each["labels"]]

    def labels(self, inbox: str, message_id: str) -> list[str]:
        return list(self.http.get(f"/inboxes/{inbox}/messages/{quote(message_id, safe='')}").json()["labels"])

    def rcpt(self, sender: str, recipient: str) -> tuple[int, bytes]:
        with smtplib.SMTP(*self.stack.smtp) as smtp:
            smtp.ehlo()
            smtp.mail(sender)
            return smtp.rcpt(recipient)


@pytest.fixture(scope="module")
def running() -> Iterator[Machine]:
    with contextlib.ExitStack() as open_:
        relay, dns = open_.enter_context(running_relay()), open_.enter_context(name_server())
        config = Config(rate_per_second=0, dns=dns.address)
        options: dict[str, Any] = {"relay": ("127.0.0.1", relay.port), "spf": "ip4:127.0.0.1", "mail_host": "mx.mailroom.example"}
        stack = open_.enter_context(CheckingStack(config, verdicts="check", **options))
        yield Machine(stack, open_.enter_context(contextlib.closing(Mailbox(stack))), relay, dns)


@pytest.fixture
def machine(running: Machine) -> Machine:
    running.dns.broken = False
    running.publish()
    running.relay.rcpt = {}
    return running


def written(subject: str, author: str) -> bytes:
    return f"From: {author}\r\nTo: bob\r\nSubject: {subject}\r\nMessage-ID: <{uuid.uuid4()}@x>\r\n\r\nHello\r\n".encode()


def test_the_records_to_publish_name_this_machine(machine: Machine) -> None:
    identity = machine.stack.identities.register(DOMAIN, machine.o, feedback=False)

    assert (identity.inbound_host, identity.return_path_host) == ("mx.mailroom.example", "mx.mailroom.example")
    assert identity.spf == "ip4:127.0.0.1"


@pytest.mark.parametrize(
    ("address", "path"), [(f"ann@{DOMAIN}", f"ann@mail.{DOMAIN}"), (f"eva@team.{DOMAIN}", f"eva=team@mail.{DOMAIN}")]
)
def test_mail_of_a_domain_passes_where_it_arrives_unless_it_was_changed(machine: Machine, address: str, path: str) -> None:
    subject, inbox = uuid.uuid4().hex, machine.inbox(address)
    away = machine.left(machine.send(inbox, "far@example.org"))
    raw = away.original_content.replace(b"Subject: Hi\r\n", f"Subject: {subject}\r\n".encode())

    before = machine.received("Hi")

    machine.arrive(away.original_content, sender=away.mail_from)
    machine.arrive(raw, sender=away.mail_from)

    assert away.mail_from == path
    assert machine.received("Hi") == [["received", "unread"], *before]
    assert machine.received(subject) == []


def test_every_attempt_carries_the_same_bytes(machine: Machine) -> None:
    machine.relay.rcpt = {"late@example.org": "450 4.2.0 Later"}
    message_id = machine.send(machine.ann, "soon@example.org", "late@example.org")
    first = machine.left(message_id)
    machine.relay.rcpt = {}
    machine.stack.database.write(
        lambda connection: connection.execute("UPDATE outbox_recipient SET due = 0 WHERE state = 'deferred'")
    )
    machine.send(machine.ann, "other@example.org")

    mark = f"Message-ID: {message_id}\r\n".encode()
    both = eventually(
        lambda: found if len(found := [each for each in machine.relay.mails if mark in each.original_content]) == 2 else None
    )

    assert [each.rcpt_tos for each in both] == [["soon@example.org"], ["late@example.org"]]
    assert both[1].original_content == first.original_content
    assert first.original_content.startswith(b"DKIM-Signature: ")


def test_mail_of_the_default_domain_leaves_as_it_is(machine: Machine) -> None:
    away = machine.left(machine.send(machine.bob, "far@example.org"))

    assert away.mail_from == machine.bob
    assert b"DKIM-Signature" not in away.original_content


@pytest.mark.parametrize(
    ("policy", "sender", "labels"),
    [
        ("reject", f"x@{ELSEWHERE}", []),
        ("none", f"x@{ELSEWHERE}", [["received", "unread"]]),
        ("none", "x@unknown.example", [["received", "unauthenticated", "unread"]]),
        ("reject", f"ann@mail.{DOMAIN}", [["received", "unread"]]),
    ],
)
def test_a_mail_is_classified_by_what_was_checked(machine: Machine, policy: str, sender: str, labels: list[list[str]]) -> None:
    subject = uuid.uuid4().hex
    machine.publish(policy=policy)

    machine.arrive(written(subject, machine.ann), sender=sender)

    assert machine.received(subject) == labels


def test_mail_is_kept_when_dns_does_not_answer(machine: Machine) -> None:
    subject = uuid.uuid4().hex
    machine.dns.broken = True

    machine.arrive(written(subject, machine.ann), sender=f"x@{ELSEWHERE}")

    assert machine.received(subject) == [["received", "unauthenticated", "unread"]]


def test_a_long_key_is_asked_for_by_tcp(machine: Machine) -> None:
    machine.arrive(machine.left(machine.send(machine.ann, "far@example.org")).original_content, sender=f"x@{ELSEWHERE}")

    assert any(name.endswith(f"_domainkey.{DOMAIN}") for name, _, _ in machine.dns.asked)


# --- bounces ------------------------------------------------------------------------------------------------------------


def report(subject: str, message_id: str, recipient: str) -> bytes:
    return (
        f"From: MAILER-DAEMON@{ELSEWHERE}\r\nSubject: {subject}\r\nMessage-ID: <{uuid.uuid4()}@x>\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n"
        f"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; {ELSEWHERE}\r\n\r\n"
        f"Final-Recipient: rfc822; {recipient}\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        f"--b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: {message_id}\r\n\r\nx\r\n--b--\r\n"
    ).encode()


@pytest.mark.parametrize("address", [f"ann@{DOMAIN}", f"ann@team.{DOMAIN}"])
def test_a_bounce_comes_back_to_the_inbox_that_sent(machine: Machine, address: str) -> None:
    inbox, subject, recipient = machine.inbox(address), uuid.uuid4().hex, f"{uuid.uuid4().hex}@example.org"
    message_id = machine.send(inbox, recipient)
    path = machine.left(message_id).mail_from

    machine.arrive(report(subject, message_id, recipient), sender="<>", to=path)

    eventually(lambda: "bounced" in machine.labels(inbox, message_id))
    assert len(machine.received(subject, inbox)) == 1


def test_a_real_inbox_at_the_return_path_s_name_keeps_its_mail(machine: Machine) -> None:
    subject, recipient = uuid.uuid4().hex, f"{uuid.uuid4().hex}@example.org"
    sender, namesake = machine.inbox(f"cid@{DOMAIN}"), machine.inbox(f"cid@mail.{DOMAIN}")
    message_id = machine.send(sender, recipient)

    machine.arrive(report(subject, message_id, recipient), sender="<>", to=machine.left(message_id).mail_from)

    eventually(lambda: "bounced" in machine.labels(sender, message_id))
    assert [len(machine.received(subject, each)) for each in (sender, namesake)] == [0, 1]


def test_only_reports_come_to_a_return_path(machine: Machine) -> None:
    assert machine.rcpt("", f"ann@mail.{DOMAIN}")[0] == 250
    assert machine.rcpt("eve@example.org", f"ann@mail.{DOMAIN}") == (550, b"5.1.1 No such address here")
    assert machine.rcpt("", f"nobody@mail.{DOMAIN}") == (550, b"5.1.1 No such address here")


# --- domains that do not receive ----------------------------------------------------------------------------------------


def test_a_domain_s_inboxes_take_mail_and_nobody_else_there(machine: Machine) -> None:
    assert machine.rcpt("eve@example.org", machine.ann)[0] == 250
    assert machine.rcpt("eve@example.org", f"nobody@{DOMAIN}") == (550, b"5.1.1 No such address here")
    assert machine.rcpt("eve@example.org", "nobody@example.org") == (550, b"5.7.1 Relaying refused")


@pytest.mark.parametrize("deleted", [False, True])
def test_mail_for_a_domain_that_does_not_receive_here_goes_to_the_relay(machine: Machine, deleted: bool) -> None:
    name = f"{uuid.uuid4().hex[:12]}.example"
    verified_domain(machine.stack.runtime, machine.o, name, inbound_enabled=deleted)
    inbox = machine.inbox(f"out@{name}")
    if deleted:
        released_domain(machine.stack.runtime, name)

    away = machine.left(machine.send(machine.bob, inbox))

    assert away.rcpt_tos == [inbox]
    assert machine.rcpt("eve@example.org", inbox) == (550, b"5.7.1 Relaying refused")


def test_bounces_of_a_domain_that_only_sends_are_noted(machine: Machine) -> None:
    name, recipient = f"{uuid.uuid4().hex[:12]}.example", f"{uuid.uuid4().hex}@example.org"
    verified_domain(machine.stack.runtime, machine.o, name, inbound_enabled=False)
    inbox = machine.inbox(f"out@{name}")
    message_id = machine.send(inbox, recipient)

    machine.arrive(report("x", message_id, recipient), sender="<>", to=f"out@mail.{name}")

    eventually(lambda: "bounced" in machine.labels(inbox, message_id))


# --- feedback as mail ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", [True, False])
def test_feedback_is_mailed_where_the_domain_says_so(machine: Machine, wanted: bool) -> None:
    name, away = f"{uuid.uuid4().hex[:12]}.example", f"{uuid.uuid4().hex}@example.org"
    verified_domain(machine.stack.runtime, machine.o, name, feedback_enabled=wanted)
    inbox = machine.inbox(f"ann@{name}")
    machine.relay.rcpt = {away: "550 5.1.1 No such user"}

    first = machine.send(inbox, "bounce+" + uuid.uuid4().hex[:8] + "@simulator.amazonses.com")
    second = machine.send(inbox, away)

    for message_id in (first, second):
        eventually(lambda message_id=message_id: "bounced" in machine.labels(inbox, message_id))
    eventually(lambda: machine.stack.queues.size("inbound") == 0)
    assert len(machine.received("Delivery Status Notification (Failure)", inbox)) == 2 * wanted
