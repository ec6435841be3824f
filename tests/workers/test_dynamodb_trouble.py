"""Receive, send and label change while DynamoDB throttles, fails, conflicts or loses answers, from each call on: short trouble is
not seen; long trouble ends in 503 (or the queue's retry) with all or nothing done, and trying again brings the rest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mailroom.aws.dynamodb import DynamoItemStore
from mailroom.aws.mailer import SesMailer
from mailroom.messages import commit, edits, handover
from mailroom.messages.idempotency import LOCK_MS
from mailroom.messages.repair import note_accepted
from mailroom.outbound.ses import message_id
from mailroom.store import keys
from tests.support.desk import Answer, Desk, mail
from tests.support.dynamo import TABLE_NAMES, dynamo
from tests.support.faults import LOST, TROUBLES, Trouble, TroubledClient, refused

FOREVER = 10_000
CASES: list[tuple[Trouble, int]] = [("lost", 2), *((trouble, FOREVER) for trouble in TROUBLES)]
BODY = {"to": ["bob@example.com"], "subject": "Order", "text": "One, please"}


class World:
    def __init__(self, desk: Desk, client: TroubledClient) -> None:
        self.desk, self.client = desk, client
        self._inboxes = 0

    def inbox(self) -> str:
        self._inboxes += 1
        return self.desk.inbox(f"agent{self._inboxes}")

    def count(self, inbox: str, event: str) -> tuple[int, int, int, int]:
        """Messages, messages by their threads, events, listed messages that are there."""
        desk = self.desk
        messages = desk.messages(inbox)
        listed = [
            row for row in desk.listed(inbox, "M", keys.ALL) if keys.index_identity(row["sk"]) in {m["sk"][2:] for m in messages}
        ]
        return len(messages), sum(thread["total"] for thread in desk.threads(inbox)), len(desk.events(inbox, event)), len(listed)


@pytest.fixture
def world() -> Iterator[World]:
    """Tables of its own, because moto copies them for each transaction."""
    with dynamo() as made, pytest.MonkeyPatch.context() as patch:
        patch.setattr(handover, "NOTICE_WAITS_S", ())
        patch.setattr(commit, "_LONGEST_WAIT_S", 0.005)
        patch.setattr(edits, "_LONGEST_WAIT_S", 0.005)
        client = TroubledClient(made.client)
        with Desk(items=DynamoItemStore(client, TABLE_NAMES, sleep=lambda _: None)) as desk:  # type: ignore[arg-type]
            desk.note_key_use()
            desk.send(desk.inbox("warm"), {})
            yield World(desk, client)


@pytest.mark.parametrize(("trouble", "times"), CASES)
def test_a_mail_is_received_once_whenever_trouble_starts(world: World, trouble: Trouble, times: int) -> None:
    call, met = 0, True
    while met:
        call += 1
        inbox = world.inbox()
        record = world.desk.arrive(mail(message_id=f"<{inbox}>"), inbox)

        world.client.arm(trouble, call, times=times)
        failed = world.desk.receive(record)
        met = world.client.disarm()

        done = world.count(inbox, "message.received")
        assert done in ((1, 1, 1, 1), (0, 0, 0, 0))
        assert done[0] == 1 or failed == [record["messageId"]]
        assert times == FOREVER or failed == []
        assert world.desk.receive(record) == []
        assert world.count(inbox, "message.received") == (1, 1, 1, 1)
    assert call > 3


@pytest.mark.parametrize(("trouble", "times"), CASES)
def test_a_mail_is_sent_once_whenever_trouble_starts(world: World, trouble: Trouble, times: int) -> None:
    desk, call, met = world.desk, 0, True
    while met:
        call += 1
        inbox, before = world.inbox(), len(desk.mailer.sent)

        world.client.arm(trouble, call, times=times)
        answer = desk.send(inbox, BODY, key=key_of(inbox))
        met = world.client.disarm()

        taken = len(desk.mailer.sent) - before
        assert (answer.status, taken) in ((200, 1), (503, 0))
        assert times == FOREVER or answer.status == 200
        assert world.count(inbox, "message.sent") in ((taken, taken, taken, taken), (0, 0, 0, 0))
        desk.clock.advance(LOCK_MS + 1000)
        desk.work("messages.repair_sends", {})
        again = desk.send(inbox, BODY, key=key_of(inbox))
        assert again.status == 200
        assert answer.status == 503 or again.body == answer.body
        assert len(desk.mailer.sent) == before + 1
        assert world.count(inbox, "message.sent") == (1, 1, 1, 1)
        assert desk.open_intents() == []
    assert call > 3


@pytest.mark.parametrize(("trouble", "times"), CASES)
def test_labels_change_on_all_or_none_whenever_trouble_starts(world: World, trouble: Trouble, times: int) -> None:
    inbox = world.inbox()
    ids = [f"<{n}.{inbox}>" for n in range(2)]
    assert world.desk.receive(*(world.desk.arrive(mail(message_id=each), inbox) for each in ids)) == []
    call, met = 0, True

    while met:
        call += 1
        label = f"label{call}"
        world.client.arm(trouble, call, times=times)
        answer = relabel(world.desk, inbox, ids, label)
        met = world.client.disarm()

        changed = {label in message["labels"] for message in world.desk.messages(inbox)}
        assert len(changed) == 1
        assert answer.status == (503 if met and times == FOREVER else 200)
        assert answer.status == 503 or changed == {True}
        assert relabel(world.desk, inbox, ids, label).status == 200
        assert all(label in message["labels"] for message in world.desk.messages(inbox))
        assert len(world.desk.listed(inbox, "M", label)) == 2
    assert call > 2


def key_of(inbox: str) -> str:
    return inbox.partition("@")[0]


def relabel(desk: Desk, inbox: str, ids: list[str], label: str) -> Answer:
    body = {"message_ids": ids, "add_labels": label}
    return desk.call("batch_update_messages", "/inboxes/{inbox_id}/messages/batch-update", body, inbox_id=inbox)


class ScriptedSes:
    """SES as far as the mailer uses it: each line of the script is raised, or answered as a Message-ID."""

    def __init__(self, *script: Any) -> None:
        self.script = list(script)
        self.intents: list[str] = []

    def send_email(self, **arguments: Any) -> dict[str, Any]:
        [tag] = arguments["EmailTags"]
        self.intents.append(tag["Value"])
        line = self.script.pop(0)
        if isinstance(line, Exception):
            raise line
        return {"MessageId": line}


def send_through(world: World, ses: ScriptedSes, inbox: str, key: str | None) -> Answer:
    desk, usual = world.desk, world.desk.runtime.mailer
    desk.runtime.mailer = SesMailer(
        region="us-east-1",
        configuration_set="notices",
        items=desk.items,
        client=lambda: ses,  # type: ignore[arg-type, return-value]
        sleep=lambda _: None,
    )
    try:
        return desk.send(inbox, BODY, key=key)
    finally:
        desk.runtime.mailer = usual


@pytest.mark.parametrize(
    ("script", "status", "code"),
    [
        ([refused("TooManyRequestsException", status=429)] * 3, 429, "rate_limit_exceeded"),
        ([refused("MessageRejected")], 403, "message_rejected"),
        ([refused("AccountSuspendedException")], 403, "message_rejected"),
        ([refused("SendingPausedException")], 403, "message_rejected"),
    ],
    ids=["throttled", "rejected", "suspended", "paused"],
)
def test_what_ses_does_not_take_leaves_no_trace_and_a_free_key(world: World, script: list[Any], status: int, code: str) -> None:
    inbox = world.inbox()
    ses = ScriptedSes(*script, "0100")

    answer = send_through(world, ses, inbox, key_of(inbox))
    traces = (world.count(inbox, "message.sent"), world.desk.open_intents(), [k for k in world.desk.blobs.content if inbox in k])
    again = send_through(world, ses, inbox, key_of(inbox))

    assert (answer.status, answer.body["code"]) == (status, code)
    assert ("Retry-After" in answer.headers) == (status == 429)
    assert traces == ((0, 0, 0, 0), [], [])
    assert (again.status, again.body["message_id"]) == (200, "<0100@email.amazonses.com>")
    assert world.count(inbox, "message.sent") == (1, 1, 1, 1)


@pytest.mark.parametrize("trouble", [LOST, refused("InternalServerErrorException", status=500)], ids=["lost", "failing"])
def test_an_answer_of_ses_that_is_lost_is_found_by_its_notice(world: World, trouble: Exception) -> None:
    desk, inbox = world.desk, world.inbox()
    ses = ScriptedSes(trouble)

    unkeyed = send_through(world, ScriptedSes(trouble), world.inbox(), None)
    first = send_through(world, ses, inbox, key_of(inbox))
    early = send_through(world, ses, inbox, key_of(inbox))
    note_accepted(ses.intents[0], message_id("0200", "us-east-1"), handover.Post.of(desk.runtime))
    again = send_through(world, ses, inbox, key_of(inbox))

    assert (unkeyed.status, unkeyed.body["code"]) == (403, "message_rejected")
    assert (first.status, first.headers["Retry-After"]) == (503, "5")
    assert early.status == 409
    assert (again.status, again.body["message_id"]) == (200, "<0200@email.amazonses.com>")
    assert len(ses.intents) == 1
    assert world.count(inbox, "message.sent") == (1, 1, 1, 1)
