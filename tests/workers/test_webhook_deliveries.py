"""From the log to the receiver, on both stores: once, by the schedule, whatever dies or comes twice on the way."""

from __future__ import annotations

import contextlib
import itertools
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import standardwebhooks

from mailroom.clock import now_ms
from mailroom.config import WEBHOOK_SCHEDULE_S
from mailroom.events import types
from mailroom.events.channels import Heard
from mailroom.ports import Posted, PostFailed
from mailroom.store import keys
from mailroom.store.port import Delete
from mailroom.webhooks.attempt import LEASE_MS, deliver
from mailroom.webhooks.deliveries import KEPT_ATTEMPTS, delivery
from mailroom.webhooks.fanout import hears
from tests.support.crashes import Executioner, Killed
from tests.support.desk import Desk
from tests.support.dynamo import dynamo_items
from tests.support.hooks import SECRET, Hooks

DAY_MS = 24 * 3600 * 1000


@pytest.fixture(params=["sqlite", "dynamodb"])
def hooks(request: pytest.FixtureRequest) -> Iterator[Hooks]:
    with contextlib.ExitStack() as stack:
        items = stack.enter_context(dynamo_items()) if request.param == "dynamodb" else None
        yield Hooks(stack.enter_context(Desk(items=items)))


# --- fan-out --------------------------------------------------------------------------------------------------------------


def test_an_event_reaches_every_webhook_that_hears_of_it(hooks: Hooks) -> None:
    both = [hooks.webhook(url=f"https://{name}.example/") for name in ("one", "two")]
    hooks.webhook(event_types=["message.bounced"])
    hooks.webhook(enabled=False)

    event_id = hooks.happen()
    hooks.run()

    assert sorted(url for url, _, _ in hooks.receiver.posts) == sorted(webhook["url"] for webhook in both)
    assert {json.loads(body)["event_id"] for _, body, _ in hooks.receiver.posts} == {event_id}
    assert {hooks.delivery(webhook, event_id)["status"] for webhook in both} == {"delivered"}


def test_a_page_that_comes_again_makes_no_second_delivery(hooks: Hooks) -> None:
    hooks.webhook()
    page = hooks.page(3)
    hooks.publish(page)
    hooks.run()

    hooks.publish(page)
    hooks.run()

    assert len(hooks.receiver.posts) == 3


def test_a_page_that_comes_again_finds_what_was_never_asked_for(hooks: Hooks) -> None:
    webhook = hooks.webhook()
    page = hooks.page(2)
    hooks.publish(page)
    hooks.queues.waiting.clear()

    hooks.publish(page)
    hooks.run()

    assert len(hooks.receiver.posts) == 2
    assert {hooks.delivery(webhook, entry.event_id)["status"] for entry in page.entries} == {"delivered"}


def test_a_fan_out_that_dies_anywhere_is_made_up_for(hooks: Hooks) -> None:
    for step in (-1, 1, -2, 2, -3, 3):
        webhook = hooks.webhook()
        page = hooks.page(2)
        runtime, items, queues = hooks.desk.runtime, hooks.desk.runtime.items, hooks.desk.runtime.queues
        executioner = Executioner(step)
        runtime.items, runtime.queues = executioner.watch(items), executioner.watch(queues)
        with pytest.raises(Killed):
            hooks.publish(page)
        runtime.items, runtime.queues = items, queues
        hooks.receiver.posts.clear()

        hooks.publish(page)
        hooks.run()

        assert sorted(headers["svix-id"] for _, _, headers in hooks.receiver.posts) == [entry.event_id for entry in page.entries]
        hooks.items.delete(keys.webhook(hooks.o, webhook["webhook_id"]))


ORG_DOMAIN = Heard(types.DOMAIN_VERIFIED, None, None)
POD_DOMAIN = Heard(types.DOMAIN_VERIFIED, None, "p1")
MAIL = Heard(types.RECEIVED, "a@x.example", "p1")


@pytest.mark.parametrize(
    ("webhook", "heard"),
    [
        ({}, [ORG_DOMAIN, POD_DOMAIN, MAIL]),
        ({"event_types": ["message.received"]}, [MAIL]),
        ({"event_types": ["message.sent"]}, []),
        ({"pod_ids": ["p1"]}, [POD_DOMAIN, MAIL]),
        ({"pod_ids": ["p2"]}, []),
        ({"inbox_ids": ["a@x.example"]}, [MAIL]),
        ({"inbox_ids": ["b@x.example"]}, []),
        ({"inbox_ids": ["b@x.example"], "pod_ids": ["p1"]}, [POD_DOMAIN, MAIL]),
        ({"pod_id": "p1", "pod_ids": ["p1"]}, [POD_DOMAIN, MAIL]),
        ({"pod_id": "p1", "inbox_ids": ["a@x.example"]}, [POD_DOMAIN, MAIL]),
        ({"pod_id": "p1", "inbox_ids": ["b@x.example"]}, [POD_DOMAIN]),
        ({"pod_id": "p2", "pod_ids": ["p1"]}, []),
        ({"pod_id": "p1", "inbox_id": "a@x.example", "inbox_ids": ["a@x.example"]}, [MAIL]),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else str(len(value)),
)
def test_who_hears_of_what(webhook: Any, heard: list[Heard]) -> None:
    assert {event for event in (ORG_DOMAIN, POD_DOMAIN, MAIL) if hears(webhook, event)} == set(heard)


# --- one attempt ----------------------------------------------------------------------------------------------------------


def test_what_is_sent_is_the_event_signed_for_the_receiver(hooks: Hooks) -> None:
    hooks.clock.now = now_ms()
    hooks.webhook(headers={"X-Tenant": "7"})
    event_id = hooks.happen()
    hooks.run()

    ((url, body, headers),) = hooks.receiver.posts
    standardwebhooks.Webhook(SECRET).verify(body, dict(headers))
    assert url == "https://hook.example/in"
    assert headers["svix-id"] == event_id
    assert (headers["Content-Type"], headers["X-Tenant"]) == ("application/json", "7")
    assert json.loads(body)["type"] == "event"


def test_an_attempt_is_kept_with_what_was_answered(hooks: Hooks) -> None:
    webhook = hooks.webhook()
    hooks.receiver.answers = [Posted(201, b"\xff" + b"x" * 900)]
    event_id = hooks.happen()
    hooks.run()

    (made,) = hooks.delivery(webhook, event_id)["attempts"]
    assert (made["attempt"], made["status"], made["answer"]) == (1, 201, "\ufffd" + "x" * 499)
    assert "error" not in made


def test_an_attempt_without_an_answer_says_why(hooks: Hooks) -> None:
    webhook = hooks.webhook()
    hooks.receiver.answers = [PostFailed("The URL took too long to answer")]
    event_id = hooks.happen()
    hooks.run()

    (made,) = hooks.delivery(webhook, event_id)["attempts"]
    assert made["error"] == "The URL took too long to answer"
    assert "status" not in made


@pytest.mark.parametrize("status", [301, 302, 400, 404, 410, 429, 500])
def test_anything_but_2xx_is_a_failure(hooks: Hooks, status: int) -> None:
    webhook = hooks.webhook()
    hooks.receiver.answers = [status]
    event_id = hooks.happen()
    hooks.run()

    row = hooks.delivery(webhook, event_id)
    assert (row["status"], row["made"]) == ("pending", 1)


def test_copies_of_a_message_make_one_post_while_it_is_being_made(hooks: Hooks) -> None:
    hooks.webhook()
    hooks.happen()
    (message,) = hooks.queues.take()
    post = hooks.receiver.post

    def slow(*args: Any, **options: Any) -> Posted:
        for _ in range(2):
            deliver(message, runtime=hooks.desk.runtime)
        return post(*args, **options)

    hooks.receiver.post = slow  # type: ignore[method-assign]
    deliver(message, runtime=hooks.desk.runtime)
    hooks.run_to_the_end()

    assert len(hooks.receiver.posts) == 1


def test_three_copies_at_once_make_one_post() -> None:
    """On the store whose conditions hold between threads: moto judges and writes in two steps."""
    with Desk() as desk:
        posts = _three_at_once(Hooks(desk))

    assert posts == 1


def _three_at_once(hooks: Hooks) -> int:
    hooks.webhook()
    hooks.happen()
    (message,) = hooks.queues.take()
    together = threading.Barrier(3)

    def one() -> None:
        together.wait()
        deliver(message, runtime=hooks.desk.runtime)

    with ThreadPoolExecutor(3) as pool:
        for future in [pool.submit(one) for _ in range(3)]:
            future.result()
    hooks.run_to_the_end()
    return len(hooks.receiver.posts)


def test_a_message_for_an_attempt_that_was_made_is_dropped(hooks: Hooks) -> None:
    hooks.webhook()
    hooks.happen()
    (message,) = hooks.queues.take()
    hooks.receiver.answers = [500]
    hooks.work(message)
    hooks.clock.advance(DAY_MS)

    hooks.work(message)

    assert len(hooks.receiver.posts) == 1


def test_a_message_that_comes_early_waits_for_the_rest(hooks: Hooks) -> None:
    hooks.webhook()
    hooks.happen()
    hooks.receiver.answers = [500, 500]
    hooks.run()
    (_, message) = hooks.queues.waiting.pop()
    hooks.queues.delays.clear()

    hooks.work(message)

    assert len(hooks.receiver.posts) == 1
    assert hooks.queues.delays == [5]


def test_a_message_that_makes_no_sense_fails_alone(hooks: Hooks) -> None:
    assert hooks.work({"webhook_id": "ep_1"}) == ["m"]


@pytest.mark.parametrize("step", [sign * number for number in range(1, 7) for sign in (-1, 1)])
@pytest.mark.parametrize("answers", [[200], [500, 200]], ids=str)
def test_an_attempt_that_dies_anywhere_loses_nothing(hooks: Hooks, step: int, answers: list[int]) -> None:
    webhook = hooks.webhook()
    event_id = hooks.happen()
    (message,) = hooks.queues.take()
    runtime = hooks.desk.runtime
    executioner = Executioner(step)
    with pytest.MonkeyPatch.context() as patch:
        for port in ("items", "queues", "poster"):
            patch.setattr(runtime, port, executioner.watch(getattr(runtime, port)))
        hooks.receiver.answers = list(answers)
        with contextlib.suppress(Killed):
            deliver(message, runtime=runtime)
    posted = len(hooks.receiver.posts)

    hooks.work(message)
    hooks.run_to_the_end()

    assert hooks.delivery(webhook, event_id)["status"] == "delivered"
    assert {headers["svix-id"] for _, _, headers in hooks.receiver.posts} == {event_id}
    assert len(hooks.receiver.posts) <= max(posted, 1) + len(answers)


def test_what_a_dying_process_left_is_taken_up_after_the_lease(hooks: Hooks) -> None:
    hooks.webhook()
    hooks.happen()
    (message,) = hooks.queues.take()
    hooks.receiver.answers = [Killed()]
    with pytest.raises(Killed):
        deliver(message, runtime=hooks.desk.runtime)

    hooks.work(message)
    assert len(hooks.receiver.posts) == 1
    hooks.clock.advance(LEASE_MS + 1000)
    hooks.run()

    assert len(hooks.receiver.posts) == 2


# --- the schedule ---------------------------------------------------------------------------------------------------------


def test_attempts_follow_the_schedule_and_then_end(hooks: Hooks) -> None:
    webhook = hooks.webhook()
    hooks.receiver.answers = [500] * 20
    event_id = hooks.happen()

    hooks.run_to_the_end()

    row = hooks.delivery(webhook, event_id)
    times = [made["at"] for made in row["attempts"]]
    waits = [(after - before) / 1000 for before, after in itertools.pairwise(times)]
    assert row["status"] == "failed"
    assert waits == [pytest.approx(wait, abs=2) for wait in WEBHOOK_SCHEDULE_S]
    assert max(hooks.queues.delays) == 900


def test_no_attempt_is_earlier_than_the_schedule_says(hooks: Hooks) -> None:
    webhook = hooks.webhook()
    hooks.receiver.answers = [500] * 20
    event_id = hooks.happen()

    hooks.run_to_the_end()

    times = [made["at"] for made in hooks.delivery(webhook, event_id)["attempts"]]
    assert all(after - before >= wait * 1000 for before, after, wait in zip(times, times[1:], WEBHOOK_SCHEDULE_S, strict=False))


def test_an_attempt_that_succeeds_ends_the_series(hooks: Hooks) -> None:
    webhook = hooks.webhook()
    hooks.receiver.answers = [500, PostFailed("no"), 204]
    event_id = hooks.happen()

    hooks.run_to_the_end()

    row = hooks.delivery(webhook, event_id)
    assert (row["status"], row["made"], "due" in row) == ("delivered", 3, False)
    assert len({headers["svix-id"] for _, _, headers in hooks.receiver.posts}) == 1


def test_every_attempt_sends_the_same_bytes_with_a_time_of_its_own(hooks: Hooks) -> None:
    hooks.webhook()
    hooks.receiver.answers = [500, 500, 200]
    hooks.happen()

    hooks.run_to_the_end()

    assert len({body for _, body, _ in hooks.receiver.posts}) == 1
    assert len({headers["svix-timestamp"] for _, _, headers in hooks.receiver.posts}) == 3


@pytest.mark.parametrize("fate", ["deleted", "disabled", "resumed"])
def test_nothing_is_sent_for_a_webhook_that_was_stopped(hooks: Hooks, fate: str) -> None:
    webhook = hooks.webhook()
    hooks.receiver.answers = [500] * 9
    event_id = hooks.happen()
    hooks.run()
    match fate:
        case "deleted":
            hooks.items.delete(keys.webhook(hooks.o, webhook["webhook_id"]))
        case "disabled":
            hooks.change(webhook, enabled=False)
        case _:
            hooks.change(webhook, resumed_at=hooks.clock())

    hooks.run_to_the_end()

    assert len(hooks.receiver.posts) == 1
    assert hooks.delivery(webhook, event_id)["status"] == "cancelled"


def test_an_event_whose_inbox_is_gone_is_not_sent(hooks: Hooks) -> None:
    webhook = hooks.webhook()
    page = hooks.page()
    hooks.publish(page)
    hooks.items.write([Delete(page.entries[0].key)])

    hooks.run_to_the_end()

    assert hooks.receiver.posts == []
    assert hooks.delivery(webhook, page.entries[0].event_id)["status"] == "cancelled"


def test_the_attempts_kept_of_one_event_are_bounded(hooks: Hooks) -> None:
    webhook = hooks.webhook()
    hooks.receiver.answers = [500]
    event_id = hooks.happen()
    hooks.run()
    row = hooks.delivery(webhook, event_id)
    hooks.items.put(keys.delivery(hooks.o, webhook["webhook_id"], event_id), {**row, "attempts": row["attempts"] * KEPT_ATTEMPTS})

    hooks.run_to_the_end()

    assert len(hooks.delivery(webhook, event_id)["attempts"]) == KEPT_ATTEMPTS


def test_a_waiting_delivery_shows_when_it_is_tried_again(hooks: Hooks) -> None:
    webhook = hooks.webhook()
    hooks.receiver.answers = [500]
    event_id = hooks.happen()
    hooks.run()

    shown = delivery(hooks.delivery(webhook, event_id))  # type: ignore[arg-type]

    assert shown["next_attempt_at"] > shown["updated_at"]
    assert shown["attempts"][0]["status"] == 500


# --- disabling ------------------------------------------------------------------------------------------------------------


def fail_for(hooks: Hooks, days: float, *, every_hours: float) -> None:
    end = hooks.clock.now + int(days * DAY_MS)
    while hooks.clock.now < end:
        hooks.receiver.answers = [500]
        hooks.happen()
        hooks.run()
        hooks.queues.waiting.clear()
        hooks.clock.advance(int(every_hours * 3_600_000))


def test_a_webhook_that_fails_for_five_days_is_disabled(hooks: Hooks) -> None:
    webhook = hooks.webhook()
    fail_for(hooks, 4.9, every_hours=12)
    assert hooks.stored(webhook)["enabled"]

    fail_for(hooks, 0.2, every_hours=3)

    assert not hooks.stored(webhook)["enabled"]


def test_any_success_begins_the_five_days_anew(hooks: Hooks) -> None:
    webhook = hooks.webhook()
    fail_for(hooks, 4.9, every_hours=12)
    hooks.happen()
    hooks.run()

    fail_for(hooks, 4.9, every_hours=12)

    assert hooks.stored(webhook)["enabled"]


def test_failures_more_than_a_day_apart_do_not_disable(hooks: Hooks) -> None:
    webhook = hooks.webhook()

    fail_for(hooks, 12, every_hours=25)

    assert hooks.stored(webhook)["enabled"]


def test_a_webhook_that_works_is_never_written(hooks: Hooks) -> None:
    webhook = hooks.webhook()
    before = hooks.stored(webhook)

    for _ in range(3):
        hooks.happen()
    hooks.run()

    assert hooks.stored(webhook) == before


def test_a_webhook_that_fails_is_written_twice_until_it_works_again(hooks: Hooks) -> None:
    webhook = hooks.webhook()

    fail_for(hooks, 3, every_hours=6)

    assert hooks.stored(webhook)["ver"] == webhook["ver"] + 2


def test_a_success_meanwhile_keeps_a_webhook_from_being_disabled(hooks: Hooks) -> None:
    webhook = hooks.webhook()
    fail_for(hooks, 4.9, every_hours=12)
    hooks.clock.advance(DAY_MS)
    post = hooks.receiver.post

    def failing(*args: Any, **options: Any) -> Posted:
        current = hooks.stored(webhook)
        current.pop("failing_since", None)
        hooks.items.put(keys.webhook(hooks.o, webhook["webhook_id"]), current)
        return post(*args, **options)

    hooks.receiver.post = failing  # type: ignore[method-assign]
    hooks.receiver.answers = [500]
    hooks.happen()
    hooks.run()

    assert hooks.stored(webhook)["enabled"]
