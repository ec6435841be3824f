"""What the provider's notices change, on both stores: once each, whenever they come, also for what is gone (spec: events.md)."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from mailroom.clock import to_wire
from mailroom.events import types
from mailroom.lists import suppression
from mailroom.messages.handover import Post
from mailroom.messages.labels import MAX_PER_MESSAGE
from mailroom.outbound import sends
from mailroom.outbound.notices import Notice
from mailroom.outbound.worker import WAITS_MS
from mailroom.store import keys
from mailroom.store.meter import metered
from mailroom.store.port import Delete, Item, Set, TransactionCancelled
from tests.support.crashes import Executioner, Killed
from tests.support.desk import Desk, mail
from tests.support.dynamo import dynamo_items
from tests.support.lists import counts, listed

TO = ["Bob <Bob@example.com>", "carl@example.com"]
EVENT_OF = {
    "Delivery": types.DELIVERED,
    "Bounce": types.BOUNCED,
    "Complaint": types.COMPLAINED,
    "Reject": types.REJECTED,
}
LABEL_OF = {
    "Delivery": "delivered",
    "Bounce": "bounced",
    "Complaint": "complained",
    "Reject": "rejected",
    "DeliveryDelay": "delayed",
}


@pytest.fixture(params=["sqlite", "dynamodb"])
def desk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setattr(sends, "OVERTAKEN_WAITS_S", ())
    with contextlib.ExitStack() as stack:
        items = stack.enter_context(dynamo_items()) if request.param == "dynamodb" else None
        yield stack.enter_context(Desk(items=items))


class Sent:
    """One mail that was sent, and its notices."""

    def __init__(self, desk: Desk, to: list[str] = TO) -> None:
        self.desk = desk
        self.inbox = desk.inbox()
        answer = desk.send(self.inbox, {"to": to, "subject": "Order", "text": "One"})
        self.message_id: str = answer.body["message_id"]
        self.thread_id: str = answer.body["thread_id"]
        self.intent_id = desk.mailer.sent[-1].intent_id

    def notice(self, kind: str, **given: Any) -> dict[str, Any]:
        return provider_notice(kind, self.intent_id, self.message_id, self.inbox, **given)

    def labels(self) -> list[str]:
        [message] = self.desk.messages(self.inbox)
        [thread] = self.desk.threads(self.inbox)
        assert sorted(thread["lc"]) == sorted(message["labels"])
        return list(message["labels"])

    def events(self, kind: str) -> list[Item]:
        return self.desk.events(self.inbox, EVENT_OF[kind])


DETAILS: dict[str, tuple[str, dict[str, Any]]] = {
    "Send": ("send", {}),
    "Delivery": ("delivery", {"timestamp": "2026-01-01T12:00:01.000Z", "recipients": ["Bob@example.com"]}),
    "Bounce": (
        "bounce",
        {
            "timestamp": "2026-01-01T12:00:02.000Z",
            "feedbackId": "f-1",
            "bounceType": "Permanent",
            "bounceSubType": "General",
            "bouncedRecipients": [{"emailAddress": "Bob@example.com", "status": "5.1.1", "action": "failed"}],
        },
    ),
    "Complaint": (
        "complaint",
        {
            "timestamp": "2026-01-01T12:00:03.000Z",
            "feedbackId": "f-2",
            "complaintFeedbackType": "not-spam",
            "complaintSubType": None,
            "complainedRecipients": [{"emailAddress": "Bob@example.com"}],
        },
    ),
    "Reject": ("reject", {"reason": "Bad content"}),
    "DeliveryDelay": (
        "deliveryDelay",
        {
            "timestamp": "2026-01-01T12:00:04.000Z",
            "delayType": "MailboxFull",
            "delayedRecipients": [{"emailAddress": "Bob@example.com", "status": "4.2.2"}],
        },
    ),
}


def provider_notice(kind: str, intent_id: str | None, message_id: str, source: str, **given: Any) -> dict[str, Any]:
    name, details = DETAILS[kind]
    return {
        "eventType": kind,
        "mail": {
            "timestamp": "2026-01-01T12:00:00.000Z",
            "messageId": message_id,
            "source": f"Agent <{source}>",
            "tags": {"intent": [intent_id]} if intent_id else {},
        },
        name: details | given,
    }


def take(desk: Desk, *notices: Mapping[str, Any], since: int | None = None) -> list[str]:
    """The numbers of the notices that must come again."""
    received = desk.clock() if since is None else since
    records = [
        {
            "messageId": str(number),
            "body": json.dumps({"Type": "Notification", "Message": json.dumps(notice)}),
            "attributes": {"ApproximateFirstReceiveTimestamp": str(received)},
        }
        for number, notice in enumerate(notices)
    ]
    result = desk.work("outbound.note_provider_event", {"Records": records})
    return [failure["itemIdentifier"] for failure in result["batchItemFailures"]]


def suppressed(desk: Desk, address: str) -> Item | None:
    row = desk.items.get(keys.list_entry(desk.o, "send", "block", address))
    return {name: value for name, value in row.items() if name not in ("pk", "sk", "created_at")} if row else None


PAYLOADS = {
    "Delivery": {"recipients": ["Bob@example.com"]},
    "Bounce": {"type": "Permanent", "sub_type": "General", "recipients": [{"address": "Bob@example.com", "status": "5.1.1"}]},
    "Complaint": {"type": "not-spam", "sub_type": "spam", "recipients": ["Bob@example.com"]},
    "Reject": {"reason": "Bad content"},
}


@pytest.mark.parametrize("kind", PAYLOADS)
def test_a_notice_becomes_a_label_and_an_event(desk: Desk, kind: str) -> None:
    sent = Sent(desk)

    assert take(desk, sent.notice(kind)) == []

    [event] = sent.events(kind)
    assert sent.labels() == sorted([LABEL_OF[kind], "sent"])
    assert event["payload"] == PAYLOADS[kind]
    named = {name: event[name] for name in ("inbox_id", "thread_id", "message_id", "pod_id", "organization_id")}
    assert named == {
        "inbox_id": sent.inbox,
        "thread_id": sent.thread_id,
        "message_id": sent.message_id,
        "pod_id": "pod-1",
        "organization_id": desk.o,
    }
    timestamp = DETAILS[kind][1].get("timestamp", "2026-01-01T12:00:00.000Z")
    assert to_wire(event["ts"]) == timestamp


def test_a_labelled_message_is_listed_under_its_delivery_label(desk: Desk) -> None:
    sent = Sent(desk)

    take(desk, sent.notice("Delivery"))

    assert len(desk.listed(sent.inbox, "M", "delivered")) == len(desk.listed(sent.inbox, "T", "delivered")) == 1


def test_a_delay_is_a_label_and_no_event(desk: Desk) -> None:
    sent = Sent(desk)

    take(desk, sent.notice("DeliveryDelay"))

    assert sent.labels() == ["delayed", "sent"]
    assert [sent.events(kind) for kind in EVENT_OF] == [[], [], [], []]
    assert suppressed(desk, "bob@example.com") is None


@pytest.mark.parametrize("kind", DETAILS)
def test_a_notice_that_comes_twice_changes_nothing_more(desk: Desk, kind: str) -> None:
    sent = Sent(desk)
    notice = sent.notice(kind)
    take(desk, notice)
    before = (desk.messages(sent.inbox), desk.threads(sent.inbox), [desk.events(sent.inbox, each) for each in EVENT_OF.values()])

    again = take(desk, notice, notice)

    assert again == []
    assert before == (
        desk.messages(sent.inbox),
        desk.threads(sent.inbox),
        [desk.events(sent.inbox, each) for each in EVENT_OF.values()],
    )


@pytest.mark.parametrize("desk", ["sqlite"], indirect=True)
def test_one_notice_at_once_in_many_workers_is_one_event(desk: Desk) -> None:
    sent = Sent(desk)
    notices = [sent.notice("Delivery"), sent.notice("Bounce"), sent.notice("Complaint")] * 3

    with ThreadPoolExecutor(6) as pool:
        failed = list(pool.map(lambda notice: take(desk, notice), notices))

    assert failed == [[]] * 9
    assert sent.labels() == ["bounced", "complained", "delivered", "sent"]
    assert [len(sent.events(kind)) for kind in ("Delivery", "Bounce", "Complaint")] == [1, 1, 1]


def test_notices_in_any_order_leave_all_their_labels(desk: Desk) -> None:
    sent = Sent(desk)

    take(desk, *(sent.notice(kind) for kind in ("Complaint", "Reject", "Bounce", "Delivery", "DeliveryDelay", "Send")))

    assert sent.labels() == ["bounced", "complained", "delayed", "delivered", "rejected", "sent"]


def test_every_delivery_to_other_recipients_is_an_event_of_its_own(desk: Desk) -> None:
    sent = Sent(desk)

    take(desk, sent.notice("Delivery"), sent.notice("Delivery", recipients=["carl@example.com"]))

    assert [event["payload"]["recipients"] for event in sent.events("Delivery")] in (
        [["Bob@example.com"], ["carl@example.com"]],
        [["carl@example.com"], ["Bob@example.com"]],
    )


@pytest.mark.parametrize(
    ("given", "payload"),
    [
        (
            {"bounceType": "Odd", "bounceSubType": "", "bouncedRecipients": [{"emailAddress": "<bob@example.com>"}]},
            {"type": "Undetermined", "sub_type": "General", "recipients": [{"address": "bob@example.com", "status": "bounced"}]},
        ),
        ({"bouncedRecipients": []}, {"type": "Permanent", "sub_type": "General", "recipients": []}),
    ],
)
def test_a_bounce_lacks_nothing_that_the_provider_leaves_out(desk: Desk, given: dict[str, Any], payload: dict[str, Any]) -> None:
    sent = Sent(desk)

    take(desk, sent.notice("Bounce", **given))

    assert [event["payload"] for event in sent.events("Bounce")] == [payload]


def test_a_complaint_without_a_kind_is_abuse(desk: Desk) -> None:
    sent = Sent(desk)

    take(desk, sent.notice("Complaint", complaintFeedbackType=None))

    [event] = sent.events("Complaint")
    assert (event["payload"]["type"], event["payload"]["sub_type"]) == ("abuse", "spam")


# --- suppression --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "reason"), [("Bounce", "bounce"), ("Complaint", "complaint")])
def test_a_permanent_bounce_and_a_complaint_suppress_the_address(desk: Desk, kind: str, reason: str) -> None:
    sent = Sent(desk)

    take(desk, sent.notice(kind))

    assert suppressed(desk, "bob@example.com") == {
        "entry": "bob@example.com",
        "organization_id": desk.o,
        "direction": "send",
        "list_type": "block",
        "entry_type": "email",
        "reason": reason,
        "read_only": True,
    }
    assert suppressed(desk, "carl@example.com") is None


@pytest.mark.parametrize("kind", ["Transient", "Undetermined", None])
def test_other_bounces_do_not(desk: Desk, kind: str | None) -> None:
    sent = Sent(desk)

    take(desk, sent.notice("Bounce", bounceType=kind))

    assert len(sent.events("Bounce")) == 1
    assert suppressed(desk, "bob@example.com") is None


def test_the_first_reason_stays(desk: Desk) -> None:
    sent = Sent(desk)

    take(desk, sent.notice("Bounce"))
    take(desk, sent.notice("Complaint"))

    entry = suppressed(desk, "bob@example.com")
    assert entry is not None
    assert entry["reason"] == "bounce"


def test_a_callers_own_entry_becomes_the_services(desk: Desk) -> None:
    sent = Sent(desk)
    listed(desk, "send", "block", "bob@example.com", "example.org", reason="rude")
    key = suppression.key(desk.o, "bob@example.com")
    before = desk.items.get(key)

    take(desk, sent.notice("Bounce"))

    row = desk.items.get(key)
    assert before is not None
    assert row is not None
    assert (row["read_only"], row["reason"], row["created_at"]) == (True, "bounce", before["created_at"])
    assert counts(desk) == {"send_block": 1}


def test_several_addresses_are_suppressed_at_once(desk: Desk) -> None:
    sent = Sent(desk)
    listed(desk, "send", "block", "bob@example.com", "carl@example.com")
    bounced = [{"emailAddress": address} for address in ("Bob@example.com", "carl@example.com", "dan@example.com")]

    failed = take(desk, sent.notice("Bounce", bouncedRecipients=bounced))

    rows = [suppressed(desk, f"{name}@example.com") or {} for name in ("bob", "carl", "dan")]
    assert failed == []
    assert [row["read_only"] for row in rows] == [True] * 3
    assert counts(desk) == {}


def test_an_entry_that_was_made_meanwhile_is_not_overwritten_uncounted(desk: Desk) -> None:
    key = suppression.key(desk.o, "bob@example.com")
    stale = suppression.suppressing(desk.o, {key: "bob@example.com"}, "bounce", {}, now=5)
    listed(desk, "send", "block", "bob@example.com")

    with pytest.raises(TransactionCancelled):
        desk.items.transact(stale)


# --- before the message -------------------------------------------------------------------------------------------------


def interrupted(desk: Desk) -> tuple[str, str]:
    """The provider took the mail and the sender died: (inbox, intent id)."""
    inbox = desk.inbox()
    desk.mailer.forgetful = True
    desk.mailer.after.append(Killed())
    with pytest.raises(Killed):
        desk.send(inbox, {"to": TO, "subject": "Order", "text": "One"})
    return inbox, desk.mailer.sent[-1].intent_id


@pytest.mark.parametrize("kind", DETAILS)
def test_a_notice_before_the_message_is_stored_finishes_the_send(desk: Desk, kind: str) -> None:
    inbox, intent_id = interrupted(desk)

    failed = take(desk, provider_notice(kind, intent_id, "0100-abc", inbox))

    [message] = desk.messages(inbox)
    assert failed == []
    assert message["message_id"] == "<0100-abc@email.amazonses.com>"
    assert set(message["labels"]) == {"sent"} | ({LABEL_OF[kind]} if kind in LABEL_OF else set())
    assert len(desk.events(inbox, types.SENT)) == 1
    assert desk.open_intents() == []


def test_a_send_that_cannot_be_stored_lets_the_notice_come_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox, intent_id = interrupted(desk)
    notice = provider_notice("Delivery", intent_id, "0100-abc", inbox)

    with monkeypatch.context() as broken:
        broken.setattr("mailroom.messages.intents.commit", lambda *_, **__: 1 / 0)
        first = take(desk, notice)
    second = take(desk, notice)

    assert (first, second) == (["0"], [])
    assert len(desk.events(inbox, types.DELIVERED)) == 1


def test_a_notice_waits_a_moment_for_a_send_that_it_overtook(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = Sent(desk)
    done = desk.items.get(keys.intent(sent.intent_id))
    assert done is not None
    row = {name: value for name, value in done.items() if name not in ("pk", "sk")}
    desk.items.put(keys.intent(sent.intent_id), {"state": "open"})
    monkeypatch.setattr(sends, "OVERTAKEN_WAITS_S", (0.0,))
    post = Post.of(desk.runtime)._replace(pause=lambda _: desk.items.put(keys.intent(sent.intent_id), row))
    notice = Notice("Delivery", "x", sent.intent_id, sent.message_id, sent.inbox, 0, (), {})

    found = sends.find(notice, post)

    assert found == sends.Sent(desk.o, sent.inbox, "pod-1", sent.message_id, sent.thread_id)


def test_an_unknown_send_is_waited_for_and_then_dropped(desk: Desk) -> None:
    inbox = desk.inbox()
    notice = provider_notice("Bounce", "no-such-intent", "0100-abc", inbox)
    started = desk.clock()

    early = take(desk, notice, since=started)
    desk.clock.advance(WAITS_MS + 1000)
    late = take(desk, notice, since=started)

    assert (early, late) == (["0"], [])
    assert desk.events(inbox, types.BOUNCED) == []
    assert suppressed(desk, "bob@example.com") is None


def test_one_bad_notice_does_not_take_the_others_along(desk: Desk) -> None:
    sent = Sent(desk)
    bad = sent.notice("Delivery", recipients=None)

    failed = take(desk, {"eventType": "Delivery"}, sent.notice("Delivery"), bad, {"eventType": "Open"}, {"x": 1})

    assert failed == ["0", "2"]
    assert len(sent.events("Delivery")) == 1


# --- without the intent, and after deletion -----------------------------------------------------------------------------


@pytest.mark.parametrize("tag", [True, False])
def test_a_notice_without_its_intent_is_found_by_return_path_and_message_id(desk: Desk, tag: bool) -> None:
    sent = Sent(desk)
    desk.items.write([Delete(keys.intent(sent.intent_id))])
    notice = provider_notice("Delivery", sent.intent_id if tag else None, sent.message_id, sent.inbox)

    failed = take(desk, notice)

    assert failed == []
    assert sent.labels() == ["delivered", "sent"]


def test_a_received_message_is_never_taken_for_the_sent_one(desk: Desk) -> None:
    inbox = desk.inbox()
    desk.receive(desk.arrive(mail(message_id="<m1@example.com>"), inbox))

    failed = take(desk, provider_notice("Delivery", None, "<m1@example.com>", inbox))

    [message] = desk.messages(inbox)
    assert failed == ["0"]
    assert message["labels"] == ["received", "unread"]


@pytest.mark.parametrize("kind", PAYLOADS)
def test_a_notice_for_a_deleted_message_is_an_event_all_the_same(desk: Desk, kind: str) -> None:
    sent = Sent(desk)
    thread = desk.threads(sent.inbox)[0]
    key = keys.message(desk.o, sent.inbox, sent.message_id)
    desk.items.write([Delete(key), Delete(keys.body(key)), Delete(keys.thread(desk.o, sent.inbox, thread["thread_id"]))])

    failed = take(desk, sent.notice(kind))

    [event] = sent.events(kind)
    assert failed == []
    assert (event["message_id"], event["thread_id"]) == (sent.message_id, sent.thread_id)
    assert desk.messages(sent.inbox) == desk.threads(sent.inbox) == []
    assert (suppressed(desk, "bob@example.com") is not None) == (kind in ("Bounce", "Complaint"))


def test_a_message_being_deleted_with_its_thread_gets_no_label(desk: Desk) -> None:
    sent = Sent(desk)
    desk.items.update(keys.thread(desk.o, sent.inbox, sent.thread_id), [Set("deleting", True)])

    failed = take(desk, sent.notice("Bounce"))

    assert failed == []
    assert desk.messages(sent.inbox)[0]["labels"] == ["sent"]
    assert len(sent.events("Bounce")) == 1


def test_a_notice_for_a_send_whose_inbox_went_before_it_was_stored_still_suppresses(desk: Desk) -> None:
    inbox, intent_id = interrupted(desk)
    desk.items.update(keys.inbox(desk.o, inbox), [Set("state", "deleting")])

    failed = take(desk, provider_notice("Bounce", intent_id, "0100-abc", inbox))

    [event] = desk.events(inbox, types.BOUNCED)
    assert failed == []
    assert event["message_id"] == "<0100-abc@email.amazonses.com>"
    assert suppressed(desk, "bob@example.com") is not None
    assert desk.messages(inbox) == []


# --- what else is on the message ----------------------------------------------------------------------------------------


def test_the_services_label_fits_however_many_the_caller_has_set(desk: Desk) -> None:
    sent = Sent(desk)
    labels = [f"l{number}" for number in range(MAX_PER_MESSAGE - 1)]
    body = {"add_labels": labels}
    desk.call("update_message", "/inboxes/{inbox_id}/messages/{message_id}", body, inbox_id=sent.inbox, message_id=sent.message_id)

    failed = take(desk, sent.notice("Delivery"))

    assert failed == []
    assert "delivered" in sent.labels()


def test_a_note_to_self_keeps_both_kinds_of_labels(desk: Desk) -> None:
    inbox = desk.inbox()
    answer = desk.send(inbox, {"to": inbox, "subject": "note", "text": "remember"})
    raw = mail(message_id=answer.body["message_id"], sender=inbox, to=inbox, subject="note", text="remember\n")
    desk.receive(desk.arrive(raw, inbox))

    take(desk, provider_notice("Delivery", desk.mailer.sent[-1].intent_id, answer.body["message_id"], inbox, recipients=[inbox]))

    [message] = desk.messages(inbox)
    assert message["labels"] == ["delivered", "received", "sent", "unread"]


@pytest.mark.parametrize("side", [-1, 1], ids=["before", "after"])
@pytest.mark.parametrize("call", range(1, 5))
def test_a_worker_killed_at_any_call_does_its_work_the_next_time(desk: Desk, call: int, side: int) -> None:
    sent = Sent(desk)
    executioner, items = Executioner(call * side), desk.runtime.items
    desk.runtime.items = executioner.watch(items)
    with pytest.raises(Killed):
        take(desk, sent.notice("Bounce"))
    desk.runtime.items = items

    take(desk, sent.notice("Bounce"))

    assert sent.labels() == ["bounced", "sent"]
    assert len(sent.events("Bounce")) == 1
    assert suppressed(desk, "bob@example.com") is not None


def test_a_notice_takes_four_trips(desk: Desk) -> None:
    sent = Sent(desk)

    with metered() as meter:
        take(desk, sent.notice("Bounce"))

    assert meter.trips == 4
