"""Which thread arrived mail joins, in any order and at once."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailroom.messages.threading import MAX_WAITING, NEAREST, OLDEST, Target, candidates
from mailroom.ports import OutgoingMail
from mailroom.store import keys
from mailroom.store.meter import metered
from mailroom.store.port import Delete, Set
from tests.support.desk import Desk, mail


@pytest.fixture
def desk() -> Iterator[Desk]:
    with Desk() as desk:
        yield desk


def numbered(n: int) -> str:
    return f"<n{n}@example.com>"


def chain_link(n: int) -> bytes:
    """The n-th mail of a conversation, each an answer to the one before, with complete References."""
    earlier = [numbered(each) for each in range(n)]
    return mail(message_id=numbered(n), in_reply_to=earlier[-1] if earlier else None, references=earlier, subject=f"mail {n}")


def thread_ids(desk: Desk, inbox: str) -> set[str]:
    return {message["thread_id"] for message in desk.messages(inbox)}


def test_an_answer_joins_the_thread_of_what_it_answers(desk: Desk) -> None:
    inbox = desk.inbox()

    desk.receive(desk.arrive(chain_link(0), inbox))
    desk.receive(desk.arrive(mail(message_id=numbered(1), in_reply_to=numbered(0)), inbox))

    [thread] = desk.threads(inbox)
    assert (thread["message_count"], thread["subject"]) == (2, "mail 0")


def test_in_reply_to_wins_over_references(desk: Desk) -> None:
    inbox = desk.inbox()
    for each in ("<a@example.com>", "<b@example.com>"):
        desk.receive(desk.arrive(mail(message_id=each), inbox))

    desk.receive(
        desk.arrive(mail(message_id="<c@example.com>", in_reply_to="<a@example.com>", references=["<b@example.com>"]), inbox)
    )

    by_id = {message["message_id"]: message["thread_id"] for message in desk.messages(inbox)}
    assert by_id["<c@example.com>"] == by_id["<a@example.com>"]


def test_the_last_known_reference_wins_over_earlier_ones(desk: Desk) -> None:
    inbox = desk.inbox()
    for each in ("<a@example.com>", "<b@example.com>"):
        desk.receive(desk.arrive(mail(message_id=each), inbox))
    references = ["<a@example.com>", "<b@example.com>", "<unknown@example.com>"]

    desk.receive(desk.arrive(mail(message_id="<c@example.com>", references=references), inbox))

    by_id = {message["message_id"]: message["thread_id"] for message in desk.messages(inbox)}
    assert by_id["<c@example.com>"] == by_id["<b@example.com>"]


def test_equal_subjects_do_not_make_a_thread(desk: Desk) -> None:
    inbox = desk.inbox()

    for each in (numbered(1), numbered(2)):
        desk.receive(desk.arrive(mail(message_id=each, subject="Re: the same"), inbox))

    assert len(desk.threads(inbox)) == 2


def test_a_message_of_another_inbox_is_no_parent(desk: Desk) -> None:
    here, there = desk.inbox("here"), desk.inbox("there")
    desk.receive(desk.arrive(chain_link(0), there))
    desk.receive(desk.arrive(mail(message_id="<other@example.com>"), here))

    desk.receive(desk.arrive(chain_link(1), here))

    assert len(desk.threads(here)) == 2


def test_a_deleted_parent_does_not_count(desk: Desk) -> None:
    inbox = desk.inbox()
    desk.receive(desk.arrive(chain_link(0), inbox))
    [parent] = desk.messages(inbox)
    desk.items.write(
        [
            Delete(keys.message(desk.o, inbox, numbered(0))),
            Delete(keys.thread(desk.o, inbox, parent["thread_id"])),
        ]
    )

    desk.receive(desk.arrive(chain_link(1), inbox))

    [thread] = desk.threads(inbox)
    assert thread["thread_id"] != parent["thread_id"]


def test_a_thread_that_is_being_deleted_takes_nobody_in(desk: Desk) -> None:
    inbox = desk.inbox()
    desk.receive(desk.arrive(chain_link(0), inbox))
    [old] = desk.threads(inbox)
    desk.items.update(keys.thread(desk.o, inbox, old["thread_id"]), [Set("deleting", True)])

    desk.receive(desk.arrive(chain_link(1), inbox))

    assert len(thread_ids(desk, inbox)) == 2


def test_a_parent_that_arrives_last_joins_its_child(desk: Desk) -> None:
    inbox = desk.inbox()

    for n in (1, 0):
        desk.receive(desk.arrive(chain_link(n), inbox))

    [thread] = desk.threads(inbox)
    assert thread["message_count"] == 2
    assert desk.rows(inbox, "R#") == []


def test_answers_to_a_mail_never_seen_share_a_thread(desk: Desk) -> None:
    inbox = desk.inbox()

    for each in ("<a@example.com>", "<b@example.com>"):
        desk.receive(desk.arrive(mail(message_id=each, in_reply_to="<lost@example.com>"), inbox))

    assert len(desk.threads(inbox)) == 1


def test_a_reference_left_by_a_deleted_thread_is_taken_over(desk: Desk) -> None:
    inbox = desk.inbox()
    desk.receive(desk.arrive(mail(message_id="<a@example.com>", in_reply_to="<lost@example.com>"), inbox))
    [gone] = desk.messages(inbox)
    desk.items.write(
        [
            Delete(keys.message(desk.o, inbox, "<a@example.com>")),
            Delete(keys.thread(desk.o, inbox, gone["thread_id"])),
        ]
    )

    for each in ("<b@example.com>", "<c@example.com>"):
        desk.receive(desk.arrive(mail(message_id=each, in_reply_to="<lost@example.com>"), inbox))

    [thread] = desk.threads(inbox)
    assert (thread["message_count"], thread["thread_id"] != gone["thread_id"]) == (2, True)


@settings(max_examples=25, deadline=None)
@given(order=st.permutations(range(12)))
def test_a_conversation_is_one_thread_in_whatever_order_it_arrives(order: list[int]) -> None:
    with Desk() as desk:
        inbox = desk.inbox()

        for n in order:
            desk.receive(desk.arrive(chain_link(n), inbox))

        [thread] = desk.threads(inbox)
        assert (thread["total"], len(desk.listed(inbox, "C", thread["thread_id"]))) == (12, 12)
        assert desk.rows(inbox, "R#") == []


@pytest.mark.parametrize("seed", range(4))
def test_twenty_answers_at_once_shuffled_make_one_thread(desk: Desk, seed: int) -> None:
    inbox = desk.inbox()
    random.seed(seed)
    mails = [chain_link(n) for n in range(10)]
    mails += [
        mail(message_id=f"<leaf{n}@example.com>", in_reply_to=numbered(n), references=[numbered(each) for each in range(n + 1)])
        for n in range(10)
    ]
    random.shuffle(mails)
    records = [desk.arrive(raw, inbox) for raw in mails]

    with ThreadPoolExecutor(20) as pool:
        failed = [each for result in pool.map(desk.receive, records) for each in result]

    assert failed == []
    [thread] = desk.threads(inbox)
    assert (thread["total"], thread["message_count"], thread["clean"]) == (20, 20, 20)
    assert thread["lc"] == {"received": 20, "unread": 20}
    assert len(desk.listed(inbox, "C", thread["thread_id"])) == 20
    assert len(desk.events(inbox, "message.received")) == 20


@pytest.mark.parametrize(
    ("slow", "quick"),
    [([1], [0]), ([0], [1]), ([2], [1]), ([1], [2]), ([3], [0, 1, 2]), ([0], [3, 1]), ([2], [3, 1, 0])],
    ids=str,
)
def test_whatever_is_delivered_between_reading_and_writing_joins_the_same_thread(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, slow: list[int], quick: list[int]
) -> None:
    inbox = desk.inbox()
    first, meanwhile = (
        [desk.arrive(chain_link(n), inbox) for n in numbers]  # those of `meanwhile` overtake the first
        for numbers in (slow, quick)
    )
    copy = desk.blobs.copy

    def overtaken(source: str, target: str) -> None:
        monkeypatch.setattr(desk.blobs, "copy", copy)
        desk.receive(*meanwhile)
        copy(source, target)

    monkeypatch.setattr(desk.blobs, "copy", overtaken)

    failed = desk.receive(*first)

    assert failed == []
    [thread] = desk.threads(inbox)
    assert (thread["total"], len(desk.messages(inbox))) == (1 + len(quick), 1 + len(quick))


def test_a_reply_that_arrives_before_the_sent_mail_is_stored_shares_its_thread(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox = desk.inbox()
    send = desk.mailer.send

    def answered_at_once(outgoing: OutgoingMail) -> str:
        message_id = send(outgoing)
        assert desk.receive(desk.arrive(mail(message_id="<fast@example.com>", in_reply_to=message_id), inbox)) == []
        return message_id

    monkeypatch.setattr(desk.mailer, "send", answered_at_once)

    answer = desk.send(inbox, {"to": "bob@example.com", "text": "Ready?"})

    [thread] = desk.threads(inbox)
    assert (thread["total"], thread["thread_id"]) == (2, answer.body["thread_id"])
    assert desk.rows(inbox, "R#") == []


def test_candidates_are_the_nearest_first_and_never_the_message_itself() -> None:
    found = candidates("<me@x>", ["<p@x>"], ["<root@x>", "<me@x>", "<p@x>"])

    assert found == ("<p@x>", "<root@x>")


def test_of_very_many_candidates_the_nearest_and_the_root_are_looked_at() -> None:
    references = [f"<{n}@x>" for n in range(500)]

    found = candidates(None, [], references)

    assert len(found) == NEAREST + OLDEST
    assert (found[0], found[-1]) == ("<499@x>", "<0@x>")


def test_the_root_is_always_waited_for() -> None:
    target = Target("o", "i", "<me@x>", tuple(f"<{n}@x>" for n in range(20)))

    waiting = target.waiting()

    assert (len(waiting), waiting[0], waiting[-1]) == (MAX_WAITING, "<0@x>", "<19@x>")


def test_receiving_takes_four_trips(desk: Desk) -> None:
    inbox = desk.inbox()
    desk.receive(desk.arrive(chain_link(0), inbox))
    record = desk.arrive(chain_link(1), inbox)

    with metered() as meter:
        desk.receive(record)

    assert meter.trips == 4
