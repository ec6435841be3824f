from __future__ import annotations

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mailroom.messages.record import MessageRecord
from mailroom.store.sizes import item_size
from mailroom.threads import aggregate
from mailroom.threads.record import ThreadRecord
from mailroom.threads.window import HOUR_MS
from tests.support.mails import message_record

LABELS = ("received", "sent", "unread", "spam", "trash", "work")
PEOPLE = ("a@x.io", "Bo <b@x.io>", "c@x.io", "d@x.io")


@st.composite
def conversations(draw: st.DrawFn) -> list[MessageRecord]:
    count = draw(st.integers(1, 7))
    return [
        message_record(
            f"<{number}@x.io>",
            labels=tuple(draw(st.sets(st.sampled_from(LABELS)))),
            ts=1000 + draw(st.integers(0, 4)),
            to=draw(st.lists(st.sampled_from(PEOPLE), max_size=3)),
            cc=draw(st.lists(st.sampled_from(PEOPLE), max_size=2)),
            size=draw(st.integers(1, 9)),
            **{"from": draw(st.sampled_from(PEOPLE))},
            **({"subject": f"s{number}"} if draw(st.booleans()) else {}),
            **({"preview": f"p{number}"} if draw(st.booleans()) else {}),
            **({"attachments": [{"attachment_id": f"at{number}", "size": 1}]} if draw(st.booleans()) else {}),
        )
        for number in range(count)
    ]


def grown(messages: list[MessageRecord]) -> ThreadRecord:
    now = messages[0]["ts"] + 4000
    thread = aggregate.start(messages[0], now=now)
    for message in messages[1:]:
        thread = aggregate.with_message(thread, message, now=now)
    return thread


def comparable(thread: ThreadRecord | None) -> dict[str, Any]:
    assert thread is not None
    return {name: value for name, value in thread.items() if name not in ("ver", "updated_at", "created_at")}


@given(conversations(), st.randoms(use_true_random=False))
@settings(max_examples=300, deadline=None)
def test_adding_messages_in_any_order_gives_what_a_rebuild_gives(messages: list[MessageRecord], order: random.Random) -> None:
    thread = grown(messages)
    order.shuffle(messages)

    assert comparable(thread) == comparable(aggregate.rebuild(thread, messages, now=6000))


@given(conversations(), st.sets(st.sampled_from(["sent", "unread", "work", "new"])))
@settings(max_examples=200, deadline=None)
def test_changing_ordinary_labels_counts_as_a_rebuild_counts(messages: list[MessageRecord], labels: set[str]) -> None:
    thread = grown(messages)
    kept = set(messages[0]["labels"]) & {"spam", "trash", "received", "sent"}
    after = message_record(**{**messages[0], "labels": tuple(kept | labels - {"sent"})})

    changed = aggregate.relabelled(thread, messages[:1], [after], now=6000)

    assert comparable(changed) == comparable(aggregate.rebuild(thread, [after, *messages[1:]], now=6000))


def test_one_spam_mail_changes_neither_preview_nor_place_of_a_healthy_thread() -> None:
    thread = aggregate.start(message_record(preview="hello"), now=1)

    changed = aggregate.with_message(
        thread, message_record("<2@x>", labels=("received", "spam"), ts=thread["ts"] + 9, preview="$$$"), now=2
    )

    assert (changed["preview"], changed["ts"], changed["message_count"]) == ("hello", thread["ts"], 1)
    assert "spam" not in changed["labels"]


def test_a_restricted_label_is_on_a_thread_when_every_message_carries_it() -> None:
    hidden = message_record("<1@x>", labels=("received", "trash"))

    thread = aggregate.with_message(aggregate.start(hidden, now=1), message_record("<2@x>", labels=("sent", "trash")), now=2)

    assert thread["labels"] == ["received", "sent", "trash"]


def test_a_clean_message_brings_a_trashed_thread_back_with_its_own_aggregates() -> None:
    thread = aggregate.start(message_record("<1@x>", labels=("received", "trash"), subject="old", ts=5), now=1)

    changed = aggregate.with_message(thread, message_record("<2@x>", labels=("received",), subject="new", ts=9), now=2)

    assert "trash" not in changed["labels"]
    assert (changed["subject"], changed["message_count"], changed["first_ts"]) == ("new", 1, 9)


def test_each_change_raises_the_version_by_one() -> None:
    thread = aggregate.start(message_record(), now=77)

    assert thread["ver"] == 77
    assert aggregate.with_message(thread, message_record("<2@x>"), now=78)["ver"] == 78


def sent(message_id: str, ts: int) -> MessageRecord:
    return message_record(message_id, labels=("sent",), ts=ts)


def test_what_the_inbox_sends_is_counted_by_the_hour() -> None:
    thread = aggregate.start(sent("<1@x>", 9 * HOUR_MS), now=9 * HOUR_MS)
    thread = aggregate.with_message(thread, message_record("<2@x>", ts=9 * HOUR_MS), now=9 * HOUR_MS)

    assert aggregate.with_message(thread, sent("<3@x>", 10 * HOUR_MS), now=10 * HOUR_MS).get("sent_window") == [10, 1, 1]


def test_deleting_or_relabelling_what_was_sent_does_not_take_it_back() -> None:
    messages = [sent("<1@x>", 9 * HOUR_MS), sent("<2@x>", 9 * HOUR_MS)]
    thread = grown(messages)

    rebuilt = aggregate.rebuild(thread, messages[:1], now=10 * HOUR_MS)
    relabelled = aggregate.relabelled(thread, messages, messages, now=10 * HOUR_MS)

    assert rebuilt is not None
    assert rebuilt.get("sent_window") == relabelled.get("sent_window") == thread.get("sent_window") == [9, 2, 0]


def test_a_thread_without_messages_is_none() -> None:
    assert aggregate.rebuild(aggregate.start(message_record(), now=1), [], now=2) is None


def test_a_thread_of_huge_mails_still_fits_an_item() -> None:
    thread = aggregate.start(message_record(), now=1)

    for number in range(40):
        people = [f"{'n' * 700}{number}-{one} <p{number}-{one}@x.io>" for one in range(50)]
        files = [{"attachment_id": f"{number}-{one}", "size": 1, "filename": "f" * 800} for one in range(20)]
        mail = message_record(f"<{number}@x>", ts=2000 + number, cc=people, attachments=files)
        thread = aggregate.with_message(thread, mail, now=2)

    assert item_size(dict(thread)) < 300 * 1024
    assert thread["message_count"] == 41
