"""How a received mail gets its mark of being automatic, and what does not (docs/loops.md)."""

from __future__ import annotations

from collections.abc import Iterator
from email.message import EmailMessage

import pytest

from mailroom.store.meter import metered
from tests.support.desk import Desk, mail


@pytest.fixture
def desk() -> Iterator[Desk]:
    with Desk() as running:
        yield running


def report() -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "MAILER-DAEMON@mx.example.com", "agent@mailroom.local", "Undelivered"
    message["Message-ID"] = "<m1@example.com>"
    message.set_content("It came back.\n")
    return message.as_bytes()


@pytest.mark.parametrize(
    ("fields", "automatic"),
    [
        ({"Auto_Submitted": "auto-replied"}, "marked"),
        ({"Auto_Submitted": "auto-generated; type=x"}, "marked"),
        ({"Precedence": "bulk"}, "marked"),
        ({"Precedence": "list"}, None),
        ({"List_Id": "News <news.example.com>"}, None),
        ({"X_Autoreply": "yes"}, "marked"),
        ({"Auto_Submitted": "no"}, None),
        ({"Precedence": "first-class"}, None),
        ({}, None),
    ],
)
def test_a_mail_is_automatic_by_its_header(desk: Desk, fields: dict[str, str], automatic: str | None) -> None:
    inbox = desk.inbox()

    desk.receive(desk.arrive(mail(**fields), inbox))

    [message] = desk.messages(inbox)
    assert message.get("automatic") == automatic


@pytest.mark.parametrize("sender", ["", "<>", " <> "])
def test_a_mail_without_a_return_path_is_automatic(desk: Desk, sender: str) -> None:
    inbox = desk.inbox()

    desk.receive(desk.arrive(report(), inbox, sender=sender))

    [message] = desk.messages(inbox)
    assert message["automatic"] == "null-sender"


def test_a_newsletter_is_an_ordinary_message_to_its_readers(desk: Desk) -> None:
    inbox = desk.inbox()

    desk.receive(desk.arrive(mail(List_Id="<news.example.com>", Precedence="bulk"), inbox))

    [message] = desk.messages(inbox)
    assert message["labels"] == ["received", "unread"]
    assert [len(desk.listed(inbox, kind, "*")) for kind in ("M", "T")] == [1, 1]
    assert len(desk.events(inbox, "message.received")) == 1


def test_a_sent_mail_that_comes_back_by_a_list_is_the_inbox_s_own(desk: Desk) -> None:
    inbox = desk.inbox()
    sent = desk.send(inbox, {"to": "list@example.com", "subject": "Hello", "text": "All?"}).body
    back = desk.arrive(mail(message_id=sent["message_id"], sender=inbox, to="list@example.com", subject="[list] Hello"), inbox)

    desk.receive(back)
    desk.receive(back)

    received, original = sorted(desk.messages(inbox), key=lambda message: message["labels"])
    assert (received["automatic"], received["labels"]) == ("own", ["received", "unread"])
    assert "automatic" not in original
    assert desk.reply(inbox, received["message_id"], {"text": "Yes."}).body["code"] == "loop_detected"


def test_a_note_to_self_is_not_automatic(desk: Desk) -> None:
    inbox = desk.inbox()
    sent = desk.send(inbox, {"to": inbox, "subject": "note", "text": "x"}).body

    desk.receive(desk.arrive(mail(message_id=sent["message_id"], sender=inbox, to=inbox, subject="note"), inbox))

    [message] = desk.messages(inbox)
    assert message["labels"] == ["received", "sent", "unread"]
    assert "automatic" not in message
    assert desk.threads(inbox)[0]["sent_window"][1] == 1


def test_a_note_to_self_that_arrives_before_it_is_stored_is_counted_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox, send = desk.inbox(), desk.mailer.send

    def arrives_at_once(outgoing: object) -> str:
        message_id = send(outgoing)  # type: ignore[arg-type]
        desk.receive(desk.arrive(mail(message_id=message_id, sender=inbox, to=inbox, subject="note"), inbox))
        return message_id

    monkeypatch.setattr(desk.mailer, "send", arrives_at_once)

    desk.send(inbox, {"to": inbox, "subject": "note", "text": "x"})

    [thread] = desk.threads(inbox)
    assert thread["sent_window"][1:] == [1, 0]


def test_two_inboxes_that_get_one_mail_do_not_make_it_anybody_s_own(desk: Desk) -> None:
    first, second = desk.inbox("first"), desk.inbox("second")
    sent = desk.send(first, {"to": second, "subject": "Hello", "text": "x"}).body

    desk.receive(desk.arrive(mail(message_id=sent["message_id"], sender=first, to=second), second))

    [message] = desk.messages(second)
    assert "automatic" not in message


def test_refusing_and_counting_costs_no_trip(desk: Desk) -> None:
    inbox = desk.inbox()
    desk.note_key_use()
    desk.receive(desk.arrive(mail(Precedence="bulk"), inbox))
    desk.reply(inbox, "<m0@example.com>", {"text": "the process knows the key now"})

    with metered() as refused:
        desk.reply(inbox, "<m1@example.com>", {"text": "x"})
    with metered() as forced:
        answer = desk.reply(inbox, "<m1@example.com>", {"text": "x", "force": True})

    assert answer.status == 200
    assert (refused.trips, forced.trips) == (2, 4)
