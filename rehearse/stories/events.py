"""An agent hears of its mail: by webhook, by socket and in the log; of a bounce; of what it missed; and no longer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from agentmail.core.api_error import ApiError

from rehearse.mails import bounce, plain
from rehearse.stage import Account, Stage, step, until
from rehearse.subscriber import Subscriber, subscribed
from tests.support.receiver import LocalReceiver, receiving

GONE = "gone@example.com"


def tell(stage: Stage) -> None:
    account = stage.account()
    inbox_id = account.client.inboxes.create().inbox_id
    with receiving() as receiver:
        webhook = account.client.webhooks.create(url=receiver.url, event_types=["message.received", "message.bounced"])
        receiver.secret = webhook.secret
        with subscribed(account.client) as subscriber:
            heard_everywhere(stage, account, inbox_id, receiver, subscriber)
            bounced(stage, account, inbox_id, receiver, subscriber)
            subscriber.cut()
        with caught_up(stage, account, inbox_id, subscriber.events()[-1].position) as subscriber:
            deaf(stage, account, inbox_id, webhook.webhook_id, receiver, subscriber)
        assert not receiver.refused, receiver.refused


def heard_everywhere(stage: Stage, account: Account, inbox_id: str, receiver: LocalReceiver, subscriber: Subscriber) -> None:
    stage.arrive(plain("<heard@example.com>", inbox_id, "Heard"), inbox_id)
    frame = subscriber.event("message.received")
    assert (frame.message.message_id, frame.message.inbox_id) == ("<heard@example.com>", inbox_id)
    assert "Where is my order?" in frame.message.text
    until(lambda: receiver.event_ids() or None, "the webhook is called")
    assert receiver.event_ids() == [frame.event_id]
    logged = account.call("GET", "/events")["events"]
    assert [event["event_id"] for event in logged] == [frame.event_id]
    assert receiver.received[0].event == logged[0]
    step(f"webhook (signature verified), socket and log tell of {frame.event_id}")


def bounced(stage: Stage, account: Account, inbox_id: str, receiver: LocalReceiver, subscriber: Subscriber) -> None:
    messages = account.client.inboxes.messages
    sent = messages.send(inbox_id, to=GONE, subject="Hello", text="Are you there?")
    assert subscriber.event("message.sent").send.message_id == sent.message_id
    stage.notify(bounce(sent.message_id, stage.intent_of(sent.message_id), inbox_id, GONE))
    frame = subscriber.event("message.bounced")
    assert (frame.bounce.message_id, frame.bounce.type, frame.bounce.sub_type) == (sent.message_id, "Permanent", "General")
    assert [(each.address, each.status) for each in frame.bounce.recipients] == [(GONE, "5.1.1")]
    assert "bounced" in messages.get(inbox_id, sent.message_id).labels
    until(lambda: True if frame.event_id in receiver.event_ids() else None, "the webhook hears of the bounce")
    assert frame.event_id in _logged(account, event_types=["message.bounced"])
    assert _refusal(account, inbox_id) == (403, "message_rejected")
    step("a bounce is labelled and told everywhere, and the next mail to that address is refused")


@contextmanager
def caught_up(stage: Stage, account: Account, inbox_id: str, after: int) -> Iterator[Subscriber]:
    """A subscriber that was away for two mails; a third, while it listens, shows that nothing came twice."""
    names = [f"<missed-{number}@example.com>" for number in (1, 2, 3)]
    for name in names[:2]:
        stage.arrive(plain(name, inbox_id, "Missed"), inbox_id)
    until(lambda: True if len(_logged(account, after=after)) == 2 else None, "the log has what was missed")
    with subscribed(account.client, after=after) as subscriber:
        stage.arrive(plain(names[2], inbox_id, "Live"), inbox_id)
        until(lambda: True if any(each.message.message_id == names[2] for each in subscriber.events()) else None, "the live mail")
        events = subscriber.events()
        assert [each.event_id for each in events] == _logged(account, after=after)
        assert sorted(each.message.message_id for each in events) == names
        step("a socket that was cut and resumes gets exactly what it missed, then what is new")
        yield subscriber


def deaf(stage: Stage, account: Account, inbox_id: str, webhook_id: str, receiver: LocalReceiver, subscriber: Subscriber) -> None:
    expected = {frame.event_id for frame in subscriber.events()}
    until(lambda: True if expected <= set(receiver.event_ids()) else None, "the webhook hears of the others")
    account.client.webhooks.delete(webhook_id)
    heard = receiver.event_ids()
    stage.arrive(plain("<unheard@example.com>", inbox_id, "Unheard"), inbox_id)
    # Sockets are served after webhooks, so a delivery would be in its queue by now.
    until(lambda: True if len(subscriber.events()) > len(expected) else None, "the socket still hears")
    until(lambda: None if stage.in_queue("DeliveriesQueue") else True, "no delivery waits")
    assert receiver.event_ids() == heard
    assert len(set(heard)) == len(heard)
    step("a deleted webhook hears nothing more")


def _logged(account: Account, **query: Any) -> list[str]:
    return [event["event_id"] for event in account.call("GET", "/events", **query)["events"]]


def _refusal(account: Account, inbox_id: str) -> tuple[int | None, str]:
    try:
        account.client.inboxes.messages.send(inbox_id, to=GONE, subject="Hello again", text="And now?")
    except ApiError as error:
        return error.status_code, _code(error.body)
    raise AssertionError("a suppressed address was written to")


def _code(body: Any) -> str:
    return str(body["code"] if isinstance(body, dict) else body.code)
