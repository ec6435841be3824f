from __future__ import annotations

import json
import smtplib
import socket
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from typing import Any

import pytest

from local import Stack
from tests.local.inside import blob, blobs_below
from tests.support.polling import eventually

MB = 1024 * 1024


class Session:
    """A raw SMTP conversation."""

    def __init__(self, stack: Stack) -> None:
        self.sock = socket.create_connection(stack.smtp, timeout=20)
        self._lines = self.sock.makefile("rb")
        self.read()

    def read(self) -> str:
        """One reply; empty when the server has hung up."""
        lines = []
        while line := self._lines.readline():
            lines.append(line.decode())
            if line[3:4] != b"-":
                break
        return "".join(lines)

    def say(self, command: bytes) -> str:
        self.sock.sendall(command + b"\r\n")
        return self.read()

    def open_data(self, *recipients: str) -> None:
        self.say(b"EHLO test")
        self.say(b"MAIL FROM:<s@example.com>")
        for recipient in recipients or ("ann@mailroom.local",):
            assert self.say(f"RCPT TO:<{recipient}>".encode()).startswith("250")
        assert self.say(b"DATA").startswith("354")

    def close(self) -> None:
        self._lines.close()
        self.sock.close()


@pytest.fixture
def session(stack: Stack) -> Iterator[Session]:
    opened = Session(stack)
    yield opened
    opened.close()


def notice_of(stack: Stack, reply: str) -> dict[str, Any]:
    """What the queue's worker was told about a mail that was answered with this 250."""
    assert reply.startswith("250"), reply
    raw = eventually(lambda: blob(stack, f"notices/{reply.split()[-1]}"))
    return json.loads(raw)  # type: ignore[no-any-return]


def stored(stack: Stack, reply: str) -> bytes:
    assert reply.startswith("250"), reply
    raw = blob(stack, f"ses/{reply.split()[-1]}")
    assert raw is not None
    return raw


def test_a_mail_sent_with_smtplib_is_stored_and_noticed(stack: Stack) -> None:
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = "Hi", "s@example.com", "ann@mailroom.local"
    mail.set_content("Hello\n.\nthere\n")
    before = len(blobs_below(stack, "notices"))

    with smtplib.SMTP(*stack.smtp) as smtp:
        smtp.send_message(mail)

    eventually(lambda: len(blobs_below(stack, "notices")) > before)


def test_the_notice_is_the_one_of_ses(stack: Stack, session: Session) -> None:
    session.open_data("ann@mailroom.local", "Ann+tag@Mailroom.Local")
    reply = session.say(b"X-Mailroom-Verdicts: spam=FAIL, spf=gray, dmarc=FAIL, policy=reject, x=y\r\n\r\nbody\r\n.")

    notice = notice_of(stack, reply)

    assert notice["notificationType"] == "Received"
    assert notice["mail"]["source"] == "s@example.com"
    assert notice["mail"]["messageId"] == reply.split()[-1]
    assert notice["receipt"]["recipients"] == ["ann@mailroom.local", "Ann+tag@Mailroom.Local"]
    assert notice["receipt"]["spamVerdict"] == {"status": "FAIL"}
    assert notice["receipt"]["spfVerdict"] == {"status": "GRAY"}
    assert notice["receipt"]["dkimVerdict"] == {"status": "PASS"}
    assert notice["receipt"]["dmarcPolicy"] == "reject"
    assert notice["receipt"]["action"] == {"type": "S3", "bucketName": "local", "objectKey": f"ses/{reply.split()[-1]}"}


def test_the_null_sender_is_taken(stack: Stack, session: Session) -> None:
    session.say(b"EHLO test")
    assert session.say(b"MAIL FROM:<>").startswith("250")
    session.say(b"RCPT TO:<ann@mailroom.local>")
    session.say(b"DATA")

    assert notice_of(stack, session.say(b"\r\nbounce\r\n."))["mail"]["source"] == ""


@pytest.mark.parametrize(
    ("recipient", "reply"),
    [
        (b"<nobody@mailroom.local>", "550 5.1.1"),
        (b"<gone@mailroom.local>", "550 5.1.1"),
        (b"<ann@elsewhere.example>", "550 5.7.1"),
        (b"<ann>", "550 5.1.1"),
        (b"<ann@mailroom.local@elsewhere.example>", "5"),
        (b"<\xff@mailroom.local>", "550 5.1.1"),
        (b"<" + b"a" * 480 + b"@mailroom.local>", "550 5.1.1"),
        (b"<" + b"a" * 600 + b"@mailroom.local>", "500"),
    ],
)
def test_an_address_that_is_not_here_is_refused(session: Session, recipient: bytes, reply: str) -> None:
    session.say(b"EHLO test")
    session.say(b"MAIL FROM:<s@example.com>")

    assert session.say(b"RCPT TO:" + recipient).startswith(reply)


def test_a_mail_without_recipients_is_refused(session: Session) -> None:
    session.say(b"EHLO test")
    session.say(b"MAIL FROM:<s@example.com>")

    assert session.say(b"DATA").startswith("503")


def test_at_most_100_recipients_are_taken(session: Session) -> None:
    session.say(b"EHLO test")
    session.say(b"MAIL FROM:<s@example.com>")
    replies = [session.say(f"RCPT TO:<ann+{number}@mailroom.local>".encode()) for number in range(101)]

    assert {reply[:3] for reply in replies[:100]} == {"250"}
    assert replies[100].startswith("452")


@pytest.mark.parametrize("command", [b"VRFY ann@mailroom.local", b"VRFY nobody@mailroom.local", b"VRFY \xff", b"EXPN list"])
def test_addresses_are_not_revealed(session: Session, command: bytes) -> None:
    session.say(b"EHLO test")

    assert session.say(command)[:3] in ("252", "502")


def test_too_many_refused_recipients_end_the_session(session: Session) -> None:
    session.say(b"EHLO test")
    session.say(b"MAIL FROM:<s@example.com>")
    replies = [session.say(f"RCPT TO:<nobody{number}@mailroom.local>".encode()) for number in range(20)]

    assert replies[-1].startswith("421")
    assert session.read() == ""


def test_too_many_unknown_commands_end_the_session(session: Session) -> None:
    replies = [session.say(b"WHAT") for _ in range(5)]

    assert replies[-1].startswith("502")
    assert session.read() == ""


def test_an_overlong_command_line_is_refused_and_the_session_lives_on(session: Session) -> None:
    assert session.say(b"EHLO " + b"x" * 200_000).startswith("500")
    assert session.say(b"EHLO test").startswith("250")


def test_the_size_limit_is_told_and_a_larger_declared_size_refused(session: Session) -> None:
    assert f"SIZE {40 * MB}" in session.say(b"EHLO test")
    assert session.say(f"MAIL FROM:<s@example.com> SIZE={40 * MB + 1}".encode()).startswith("552")


@pytest.mark.parametrize("line", [b"x" * 76 + b"\r\n", b"x" * 60_000 + b".\r\n", b"x" * 99_999])
def test_a_mail_over_the_limit_is_refused_and_the_session_lives_on(stack: Stack, session: Session, line: bytes) -> None:
    session.open_data()
    block = line * (MB // len(line))
    for _ in range(42):
        session.sock.sendall(block)

    assert session.say(b"\r\n.").startswith("552")
    session.open_data()
    assert stored(stack, session.say(b"small\r\n.")) == b"small\r\n"


@pytest.mark.parametrize(
    "content",
    [
        b"a\n.\nMAIL FROM:<x@example.com>\n",
        b"a\n.\r\nMAIL FROM:<x@example.com>\r\n",
        b"a\r.\rMAIL FROM:<x@example.com>\r",
        b"a\r.\r\nb\r\n",
        b"a\r\n.\nb\r\n",
        b"a\r\n.\rb\r\n",
        b"a\r\n\x00.\r\nb\r\n",
        b"nul \x00\x00 and \x80\xff\r\n",
        b"x" * 200_000 + b"\r\n",
        b"x" * 65_533 + b".\r\nend\r\n",
        b"a.\r\nb.\r\n.\tc\r\n",
        b"\r\n\r\n",
        b"",
    ],
    ids=range(13),
)
def test_only_a_dot_between_crlfs_ends_a_mail(stack: Stack, session: Session, content: bytes) -> None:
    session.open_data()
    session.sock.sendall(content)
    end = b".\r\n" if content in (b"",) or content.endswith(b"\r\n") else b"\r\n.\r\n"
    stuffed = content.replace(b"\r\n.\nb", b"\r\n.\nb")
    session.sock.sendall(end)

    received = stored(stack, session.read())

    whole = stuffed if end == b".\r\n" else stuffed + b"\r\n"
    assert received == undotted(whole)


def undotted(content: bytes) -> bytes:
    """The dots of these cases were sent raw: behind CRLF the first one is taken away, elsewhere it stays."""
    return content.replace(b"\r\n.", b"\r\n")


@pytest.mark.parametrize("newline", [b"\r\n", b"\n"])
def test_doubled_dots_are_taken_back_whatever_the_line_end(stack: Stack, session: Session, newline: bytes) -> None:
    session.open_data()
    reply = session.say(newline.join([b"..a", b"..", b"...b", b"c.."]) + b"\r\n.")

    assert stored(stack, reply) == newline.join([b"..a" if newline == b"" else b".a", b".", b"..b", b"c.."]) + b"\r\n"


def test_commands_pipelined_behind_a_mail_are_answered_in_order(stack: Stack, session: Session) -> None:
    session.open_data()
    session.sock.sendall(
        b"one\r\n.\r\nMAIL FROM:<s@example.com>\r\nRCPT TO:<ann@mailroom.local>\r\nDATA\r\ntwo\r\n.\r\nNOOP\r\nQUIT\r\n"
    )

    replies = [session.read() for _ in range(7)]

    assert [reply[:3] for reply in replies] == ["250", "250", "250", "354", "250", "250", "221"]
    assert stored(stack, replies[0]) == b"one\r\n"
    assert stored(stack, replies[4]) == b"two\r\n"


def test_a_mail_that_breaks_off_is_not_stored(stack: Stack, session: Session) -> None:
    before = len(blobs_below(stack, "ses"))
    session.open_data()
    session.sock.sendall(b"unfinished\r\n")
    session.close()
    other = Session(stack)
    other.open_data()
    other.say(b"finished\r\n.")
    other.close()

    assert len(blobs_below(stack, "ses")) == before + 1


def test_connections_beyond_the_cap_are_told_and_the_others_live_on(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Session(stack)
    monkeypatch.setattr("local.smtp.MAX_CONNECTIONS", 1)
    with socket.create_connection(stack.smtp, timeout=20) as refused:
        answer = b"".join(iter(lambda: refused.recv(1000), b""))

    assert answer.startswith(b"421 4.7.0")
    assert first.say(b"NOOP").startswith("250")
    first.close()


def full_disk(*_: object, **__: object) -> None:
    raise OSError(28, "No space left on device")


def test_what_cannot_be_stored_is_451_and_the_server_lives_on(
    stack: Stack, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(stack.blobs, "staged", full_disk)
        session.open_data()
        refused = session.say(b"first\r\n.")

    session.open_data()

    assert refused.startswith("451 4.3.0")
    assert stored(stack, session.say(b"second\r\n.")) == b"second\r\n"


def test_a_handler_that_fails_moves_its_mail_to_the_dead_letters_and_redrive_brings_it_back(stack: Stack) -> None:
    send: Callable[[], Any] = lambda: stack.queues.send("inbound", {"Message": "not json"})  # noqa: E731
    send()

    eventually(lambda: stack.queues.size("inbounddeadletter") == 1)
    assert stack.redrive("inbound") == 1
    eventually(lambda: stack.queues.size("inbounddeadletter") == 1)
