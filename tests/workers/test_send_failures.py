"""Failure rows of mail out: killed at any point, refused, put off, unknown; retried with a key, repaired by notice or sweep."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from mailroom.messages import handover
from mailroom.messages.handover import Post
from mailroom.messages.idempotency import LOCK_MS
from mailroom.messages.repair import EXPIRES_MS, recover
from mailroom.ports import MailerRefused, MailerThrottled
from mailroom.store import keys
from mailroom.store.meter import metered
from mailroom.store.port import Set, StoreBusy
from tests.support.crashes import Executioner, Killed
from tests.support.desk import Answer, Desk, mail

BODY = {
    "to": ["bob@example.com"],
    "subject": "Order",
    "text": "One, please",
    "attachments": [{"content": "aGk=", "filename": "a.txt"}],
}


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setattr(handover, "NOTICE_WAITS_S", ())
    with Desk() as desk:
        yield desk


def send_and_die(desk: Desk, inbox: str, executioner: Executioner, key: str | None = "k1") -> Answer | None:
    alive = desk.runtime
    watched = {name: executioner.watch(getattr(alive, name)) for name in ("items", "blobs", "mailer")}
    desk.runtime = dataclasses.replace(alive, **watched)
    try:
        return desk.send(inbox, BODY, key=key)
    except Killed:
        return None
    finally:
        desk.runtime = alive


def warmed_up(desk: Desk) -> str:
    """So that all runs make the same calls: the API key's organization is remembered and its use is noted."""
    inbox = desk.inbox()
    desk.send(inbox, {})
    desk.note_key_use()
    return inbox


def assert_one_mail(desk: Desk, inbox: str, answer: Answer) -> None:
    assert answer.status == 200, answer.body
    assert len(desk.mailer.sent) == 1
    [message] = desk.messages(inbox)
    assert answer.body == {"message_id": message["message_id"], "thread_id": message["thread_id"]}
    assert [thread["total"] for thread in desk.threads(inbox)] == [1]
    assert len(desk.events(inbox, "message.sent")) == 1
    assert desk.open_intents() == []
    assert keys.blob_raw(desk.o, inbox, message["uid"]) in desk.blobs.content


def test_a_send_has_no_more_calls_than_are_tested(desk: Desk) -> None:
    inbox = warmed_up(desk)
    executioner = Executioner()

    answer = send_and_die(desk, inbox, executioner)

    assert answer is not None
    assert executioner.calls == [
        "SqliteItemStore.fetch",
        "MemoryBlobs.put",
        "MemoryBlobs.put",
        "SqliteItemStore.transact",
        "OutboxMailer.send",
        "SqliteItemStore.transact",
    ]


@pytest.mark.parametrize("side", [-1, 1], ids=["before", "after"])
@pytest.mark.parametrize("call", range(1, 7))
def test_a_retry_after_a_kill_at_any_call_sends_one_mail(desk: Desk, call: int, side: int) -> None:
    inbox = warmed_up(desk)
    assert send_and_die(desk, inbox, Executioner(call * side)) is None
    desk.clock.advance(LOCK_MS)

    answer = desk.send(inbox, BODY, key="k1")

    assert_one_mail(desk, inbox, answer)


@pytest.mark.parametrize("side", [-1, 1], ids=["before", "after"])
@pytest.mark.parametrize("call", range(1, 8))
def test_a_retry_that_is_killed_too_still_leads_to_one_mail(desk: Desk, call: int, side: int) -> None:
    inbox = warmed_up(desk)
    send_and_die(desk, inbox, Executioner(-5))
    desk.clock.advance(LOCK_MS)
    send_and_die(desk, inbox, Executioner(call * side))
    desk.clock.advance(LOCK_MS)

    answer = desk.send(inbox, BODY, key="k1")

    assert_one_mail(desk, inbox, answer)


def test_a_retry_before_the_lock_ends_is_asked_to_wait(desk: Desk) -> None:
    inbox = warmed_up(desk)
    send_and_die(desk, inbox, Executioner(5))

    answer = desk.send(inbox, BODY, key="k1")

    assert (answer.status, answer.body["code"], answer.headers["Retry-After"]) == (409, "conflict", "1")
    assert len(desk.mailer.sent) == 1


def test_the_sweep_stores_what_the_mailer_took_without_a_key(desk: Desk) -> None:
    inbox = warmed_up(desk)
    send_and_die(desk, inbox, Executioner(5), key=None)
    desk.clock.advance(LOCK_MS + 1000)

    result = desk.work("messages.repair_sends", {})

    assert result == {"settled": 1}
    assert len(desk.messages(inbox)) == 1
    assert len(desk.events(inbox, "message.sent")) == 1
    assert desk.open_intents() == []


def test_the_sweep_leaves_a_running_send_alone(desk: Desk) -> None:
    inbox = warmed_up(desk)
    send_and_die(desk, inbox, Executioner(5), key=None)

    result = desk.work("messages.repair_sends", {})

    assert result == {"settled": 0}


def test_a_send_never_heard_of_is_given_up_after_a_day(desk: Desk) -> None:
    inbox = warmed_up(desk)
    send_and_die(desk, inbox, Executioner(-5))
    desk.clock.advance(EXPIRES_MS + 1000)

    result = desk.work("messages.repair_sends", {})

    assert result == {"settled": 1}
    assert desk.open_intents() == []
    assert desk.blobs.content == {}
    assert desk.items.get(keys.idempotency(desk.o, "k1")) is None


@pytest.mark.parametrize("side", [-1, 1], ids=["before", "after"])
@pytest.mark.parametrize("call", range(1, 7))
def test_a_restart_settles_every_interrupted_send_at_once(desk: Desk, call: int, side: int) -> None:
    """On one machine: what the mailer took is stored, the rest leaves no trace, and the key works without a wait."""
    inbox = warmed_up(desk)
    send_and_die(desk, inbox, Executioner(call * side))

    recover(Post.of(desk.runtime))
    taken = len(desk.mailer.sent)
    settled = (len(desk.messages(inbox)), desk.open_intents())
    answer = desk.send(inbox, BODY, key="k1")

    assert settled == (taken, [])
    assert_one_mail(desk, inbox, answer)


def send_notice(intent_id: str, ses_id: str) -> dict[str, Any]:
    mail = {"messageId": ses_id, "timestamp": "2026-01-01T12:00:00.000Z", "tags": {"intent": [intent_id]}}
    notice = {"eventType": "Send", "mail": mail, "send": {}}
    return {"Records": [{"messageId": "n1", "body": json.dumps(notice)}]}


def test_the_providers_notice_finishes_a_send_that_died(desk: Desk) -> None:
    desk.mailer.forgetful = True
    inbox = warmed_up(desk)
    send_and_die(desk, inbox, Executioner(5))
    notice = send_notice(desk.mailer.sent[0].intent_id, "0100-abc")

    first = desk.work("outbound.note_provider_event", notice)
    again = desk.work("outbound.note_provider_event", notice)
    answer = desk.send(inbox, BODY, key="k1")

    assert first == again == {"batchItemFailures": []}
    assert_one_mail(desk, inbox, answer)
    assert answer.body["message_id"] == "<0100-abc@email.amazonses.com>"


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        (MailerThrottled(3), 429, "rate_limit_exceeded"),
        (MailerRefused("Virus found"), 403, "message_rejected"),
        (StoreBusy("disk full"), 503, "service_unavailable"),
    ],
)
def test_a_mail_that_was_not_taken_leaves_no_trace_and_the_key_is_free(
    desk: Desk, failure: Exception, status: int, code: str
) -> None:
    inbox = warmed_up(desk)
    desk.mailer.before.append(failure)

    refused = desk.send(inbox, BODY, key="k1")
    traces = (desk.messages(inbox), desk.threads(inbox), desk.open_intents(), dict(desk.blobs.content))
    other = desk.send(inbox, {**BODY, "text": "Something else"}, key="k1")

    assert (refused.status, refused.body["code"]) == (status, code)
    assert traces == ([], [], [], {})
    assert desk.events(inbox, "message.sent")[0]["message_id"] == other.body["message_id"]
    assert_one_mail(desk, inbox, other)


def test_a_throttled_sender_is_told_when_to_come_back(desk: Desk) -> None:
    inbox = warmed_up(desk)
    desk.mailer.before.append(MailerThrottled(7))

    answer = desk.send(inbox, BODY)

    assert answer.headers["Retry-After"] == "7"


def test_an_answer_that_was_lost_behind_an_acceptance_is_a_success(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handover, "NOTICE_WAITS_S", (0.0,))
    inbox = warmed_up(desk)
    desk.mailer.after.append(TimeoutError("read"))

    answer = desk.send(inbox, BODY)

    assert_one_mail(desk, inbox, answer)


def test_an_unknown_outcome_without_a_key_is_nothing_that_clients_retry(desk: Desk) -> None:
    desk.mailer.forgetful = True
    inbox = warmed_up(desk)
    desk.mailer.after.append(TimeoutError("read"))

    answer = desk.send(inbox, BODY)

    assert (answer.status, answer.body["code"]) == (403, "message_rejected")
    assert "not known" in answer.body["message"]
    assert len(desk.open_intents()) == 1


def test_an_unknown_outcome_with_a_key_asks_for_a_retry(desk: Desk) -> None:
    desk.mailer.forgetful = True
    inbox = warmed_up(desk)
    desk.mailer.after.append(TimeoutError("read"))

    answer = desk.send(inbox, BODY, key="k1")

    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")


def test_a_commit_that_fails_after_acceptance_is_still_a_success(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox = warmed_up(desk)
    transact = desk.items.transact

    def failing(actions: Any) -> None:
        if desk.mailer.sent:
            raise StoreBusy("injected")
        transact(actions)

    monkeypatch.setattr(desk.items, "transact", failing)
    answer = desk.send(inbox, BODY, key="k1")
    monkeypatch.undo()
    desk.clock.advance(LOCK_MS + 1000)

    desk.work("messages.repair_sends", {})

    assert_one_mail(desk, inbox, answer)


def test_a_store_that_fails_right_after_a_send_does_not_make_it_fail(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox = desk.inbox()
    desk.send(inbox, {})

    def failing(actions: Any) -> list[bool]:
        raise StoreBusy("injected")

    monkeypatch.setattr(desk.items, "write", failing)

    answer = desk.send(inbox, BODY)

    assert_one_mail(desk, inbox, answer)


def test_an_inbox_deleted_while_its_mail_goes_out_keeps_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox = warmed_up(desk)
    send = desk.mailer.send

    def deleted_meanwhile(outgoing: Any) -> str:
        desk.items.update(keys.inbox(desk.o, inbox), [Set("state", "deleting")])
        return send(outgoing)

    monkeypatch.setattr(desk.mailer, "send", deleted_meanwhile)

    answer = desk.send(inbox, BODY)

    assert answer.status == 200
    assert (desk.messages(inbox), desk.open_intents(), desk.blobs.content) == ([], [], {})


def test_two_requests_with_one_key_at_once_send_one_mail(desk: Desk) -> None:
    inbox = warmed_up(desk)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: desk.send(inbox, BODY, key="k1"), range(8)))

    assert {answer.status for answer in answers} <= {200, 409}
    winner = next(answer for answer in answers if answer.status == 200)
    assert_one_mail(desk, inbox, winner)
    assert all(answer.body == winner.body for answer in answers if answer.status == 200)


def test_a_mail_to_oneself_is_one_message(desk: Desk) -> None:
    inbox = warmed_up(desk)
    sent = desk.send(inbox, {"to": inbox, "subject": "note", "text": "remember"})

    desk.receive(arrival_of(desk, inbox, sent.body["message_id"]))

    assert_note_to_self(desk, inbox, sent)


def test_a_mail_to_oneself_that_arrives_before_it_is_stored_is_one_message(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox = warmed_up(desk)
    send = desk.mailer.send

    def arrives_at_once(outgoing: Any) -> str:
        message_id = send(outgoing)
        assert desk.receive(arrival_of(desk, inbox, message_id)) == []
        return message_id

    monkeypatch.setattr(desk.mailer, "send", arrives_at_once)

    sent = desk.send(inbox, {"to": inbox, "subject": "note", "text": "remember"})

    assert_note_to_self(desk, inbox, sent)


@pytest.mark.parametrize("arrival_first", [True, False])
def test_the_halves_of_a_mail_to_oneself_may_be_stored_by_the_sweep(desk: Desk, arrival_first: bool) -> None:
    inbox = warmed_up(desk)
    body = {"to": inbox, "subject": "note", "text": "remember"}
    alive, executioner = desk.runtime, Executioner(-5)
    desk.runtime = dataclasses.replace(alive, items=executioner.watch(alive.items), mailer=executioner.watch(alive.mailer))
    executioner.kill_at = -4
    with pytest.raises(Killed):
        desk.send(inbox, body)
    desk.runtime = alive
    [(message_id, _)] = desk.mailer.taken.values()
    desk.clock.advance(LOCK_MS + 1000)
    record = arrival_of(desk, inbox, message_id)

    steps = [lambda: desk.receive(record), lambda: desk.work("messages.repair_sends", {})]
    for step in steps if arrival_first else reversed(steps):
        step()
    desk.receive(record)

    [message] = desk.messages(inbox)
    assert message["labels"] == ["received", "sent", "unread"]
    assert [thread["total"] for thread in desk.threads(inbox)] == [1]


def arrival_of(desk: Desk, inbox: str, message_id: str) -> dict[str, Any]:
    """What the provider makes of the mail: its own id and date."""
    raw = mail(message_id=message_id, sender=inbox, to=inbox, subject="note", text="remember\n")
    return desk.arrive(raw, inbox, provider_id="arrival-1")


def assert_note_to_self(desk: Desk, inbox: str, sent: Answer) -> None:
    [message] = desk.messages(inbox)
    [thread] = desk.threads(inbox)
    assert message["labels"] == ["received", "sent", "unread"]
    assert sent.body == {"message_id": message["message_id"], "thread_id": thread["thread_id"]}
    assert thread["lc"] == {"received": 1, "sent": 1, "unread": 1}
    assert thread["sent_ts"] == thread["received_ts"] == message["ts"]
    assert [len(desk.events(inbox, kind)) for kind in ("message.sent", "message.received")] == [1, 1]
    kept = {key for key in desk.blobs.content if not key.startswith("ses/")}
    assert all(message["uid"] in key for key in kept)
    assert kept


def test_a_send_takes_two_trips_and_one_after_the_provider(desk: Desk) -> None:
    inbox = warmed_up(desk)

    with metered() as meter:
        desk.send(inbox, BODY, key="k1")

    assert meter.trips == 3


def test_a_reply_takes_one_trip_more(desk: Desk) -> None:
    inbox = warmed_up(desk)
    desk.receive(desk.arrive(mail(), inbox))

    with metered() as meter:
        answer = desk.reply(inbox, "<m1@example.com>", {"text": "yes"})

    assert (answer.status, meter.trips) == (200, 4)
