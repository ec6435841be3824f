"""What is looked after around the channels: deliveries, polling, credentials of sockets, timers."""

from __future__ import annotations

import json

from agentmail.api_keys import CreateBearerApiKeyRequest
from websockets.exceptions import InvalidStatus

from rehearse.deployment import ROOT
from rehearse.mails import plain
from rehearse.stage import Account, Stage, step, until
from rehearse.subscriber import subscribed
from tests.support.receiver import receiving


def tell(stage: Stage) -> None:
    account = stage.account()
    inbox_id = account.client.inboxes.create().inbox_id
    deliveries(stage, account, inbox_id)
    polling(stage, account, inbox_id)
    strangers(account)
    revoked(account)
    timers(stage)
    until(lambda: None if stage.connections() else True, "no connection is left in the books")


def deliveries(stage: Stage, account: Account, inbox_id: str) -> None:
    """The first attempt fails, the second comes by itself, the third is asked for."""
    with receiving(answers=[500]) as receiver:
        webhook = account.client.webhooks.create(url=receiver.url, event_types=["message.received"], headers={"X-Room": "12"})
        receiver.secret = webhook.secret
        path = f"/webhooks/{webhook.webhook_id}"
        stage.arrive(plain("<delivered@example.com>", inbox_id, "Delivered"), inbox_id)
        until(lambda: receiver.event_ids() or None, "the webhook is called")
        event_id = receiver.event_ids()[0]
        until(lambda: _attempts(account, path) == [500, 200] or None, "the event is delivered")
        account.call("POST", f"{path}/deliveries/{event_id}/redeliver")
        until(lambda: _attempts(account, path) == [500, 200, 200] or None, "the event is delivered once more")
        rotated = account.call("POST", f"{path}/rotate-secret")
        assert account.call("POST", f"{path}/test")["delivered"]
        assert receiver.event_ids()[:3] == [event_id] * 3
        receiver.secret = rotated["secret"]
        assert account.call("POST", f"{path}/test")["delivered"]
        assert not receiver.refused, receiver.refused
        assert {each.headers["x-room"] for each in receiver.received} == {"12"}
        account.client.webhooks.delete(webhook.webhook_id)
    step("a failed delivery is tried again and repeated on demand, a test event arrives, secrets are rotated")


def polling(stage: Stage, account: Account, inbox_id: str) -> None:
    webhook = account.client.webhooks.polling.create(client_id="poller", event_types=["message.received"])
    stage.arrive(plain("<polled@example.com>", inbox_id, "Polled"), inbox_id)

    def polled() -> list[str]:
        page = account.call("GET", f"/webhooks/polling/{webhook.webhook_id}/events", token=webhook.token)
        return [event["message"]["message_id"] for event in page["data"]]

    assert until(lambda: polled() or None, "the event is polled") == ["<polled@example.com>"]
    step("a polling webhook's events are read with its token")


def strangers(account: Account) -> None:
    """The status is not compared: the emulator has one of its own."""
    try:
        with account.with_key("am_" + "0" * 48).websockets.connect():
            raise AssertionError("an unknown key opened a socket")
    except InvalidStatus:
        step("an unknown key is refused the upgrade")


def revoked(account: Account) -> None:
    key = account.client.api_keys.create(request=CreateBearerApiKeyRequest(name="second"))
    session = account.call("POST", "/auth/token", token=key.api_key)
    with subscribed(account.with_key(key.api_key)) as by_key, subscribed(account.with_key(session["token"])) as by_session:
        account.client.api_keys.delete(key.api_key_id)
        by_key.await_end()
        by_session.await_end()
    step("a deleted key's socket is closed, and its session's")


def timers(stage: Stage) -> None:
    """They run every minute or hour; the story does not wait for that."""
    samples = {
        "KeepSocketsAliveFunction": "sockets/keep_sockets_alive",
        "RepairSendsFunction": "messages/repair_sends",
        "SweepDraftsFunction": "drafts/sweep_drafts",
    }
    for function, sample in samples.items():
        stage.invoke(function, json.loads((ROOT / "events" / f"{sample}.json").read_text(encoding="utf-8")))
    step("the timers' functions run")


def _attempts(account: Account, path: str) -> list[int | None]:
    (delivery,) = account.call("GET", f"{path}/deliveries")["deliveries"]
    return [attempt.get("status") for attempt in delivery["attempts"]]
