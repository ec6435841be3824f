"""The whole program killed while mail comes in, mail goes out and labels change; then started again on the same data.

What was answered must be there, what was not may be there once, and whoever tries again must not make it twice.
"""

from __future__ import annotations

import contextlib
import itertools
import random
import smtplib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from local import Stack
from mailroom.config import Config
from tests.support.outside import Outside
from tests.support.pages import everything
from tests.support.polling import eventually
from tests.support.program import Program
from tests.support.rest import at_rest

ROUNDS = 3
SEED = 2
INBOXES = ("one@mailroom.local", "two@mailroom.local")


@dataclass(frozen=True)
class Arrival:
    inbox: str
    message_id: str
    raw: bytes


@dataclass(frozen=True)
class Order:
    """A send; its name is subject and key."""

    inbox: str
    name: str
    keyed: bool


@dataclass
class Ledger:
    """What clients were told, over all lives of the program."""

    arrivals: list[Arrival] = field(default_factory=list)
    accepted: set[Arrival] = field(default_factory=set)
    orders: list[Order] = field(default_factory=list)
    sent: dict[str, dict[str, str]] = field(default_factory=dict)
    """Name of the order -> answer."""
    labelled: list[tuple[str, str, str]] = field(default_factory=list)
    """(inbox, message id, label) answered with 200."""


@dataclass(frozen=True)
class History:
    ledger: Ledger
    outside: Outside
    stack: Stack
    http: httpx.Client
    shown: dict[str, list[dict[str, Any]]]
    """Inbox -> all its messages, as listed."""

    def sent(self) -> list[dict[str, Any]]:
        return [each for inbox in INBOXES for each in self.shown[inbox] if "sent" in each["labels"]]


class Life:
    """The clients of one run of the program, until it dies."""

    def __init__(self, ready: dict[str, Any], ledger: Ledger, number: int) -> None:
        self._ready, self._ledger, self._number = ready, ledger, number
        jobs = [*[(self._mail, n) for n in range(4)], *[(self._order, n) for n in range(3)], *[(self._label, n) for n in range(2)]]
        self._threads = [threading.Thread(target=self._until_death, args=job) for job in jobs]
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _until_death(self, job: Callable[[int, int], None], worker: int) -> None:
        with contextlib.suppress(OSError, smtplib.SMTPException, httpx.TransportError):
            for step in itertools.count():
                job(worker, step)

    def _mail(self, worker: int, step: int) -> None:
        host, port = self._ready["smtp"].split(":")
        with smtplib.SMTP(host, int(port)) as smtp:
            for number in range(5):
                arrival = letter(f"{self._number}-{worker}-{step}", number)
                self._ledger.arrivals.append(arrival)
                smtp.sendmail("ann@example.com", [arrival.inbox], arrival.raw)
                self._ledger.accepted.add(arrival)

    def _order(self, worker: int, step: int) -> None:
        """The first of the workers uses no keys, so it cannot try again."""
        order = Order(INBOXES[step % 2], f"order-{self._number}-{worker}-{step}", keyed=worker > 0)
        self._ledger.orders.append(order)
        with client(self._ready) as http:
            self._ledger.sent[order.name] = place(http, order)

    def _label(self, worker: int, step: int) -> None:
        with client(self._ready) as http:
            shown = http.get(f"/inboxes/{INBOXES[worker]}/messages", params={"limit": 20}).json()["messages"]
            for each in random.sample(shown, min(3, len(shown))):
                label = f"label-{self._number}-{worker}-{step % 7}"
                path = f"/inboxes/{INBOXES[worker]}/messages/{quote(each['message_id'], safe='')}"
                if http.patch(path, json={"add_labels": label, "remove_labels": "unread"}).status_code == 200:
                    self._ledger.labelled.append((INBOXES[worker], each["message_id"], label))


def letter(conversation: str, number: int) -> Arrival:
    """The n-th of a conversation that goes to both inboxes in turns of conversations."""
    inbox = INBOXES[int(conversation[-1]) % 2]
    message_id = f"<{conversation}.{number}@example.com>"
    earlier = " ".join(f"<{conversation}.{each}@example.com>" for each in range(number))
    head = f"From: Ann <ann@example.com>\r\nTo: {inbox}\r\nSubject: {conversation}\r\nMessage-ID: {message_id}\r\n"
    references = f"In-Reply-To: {earlier.split()[-1]}\r\nReferences: {earlier}\r\n" if number else ""
    return Arrival(inbox, message_id, f"{head}{references}\r\nLetter {number}\r\n.\r\n..\r\n".encode())


@contextlib.contextmanager
def client(ready: dict[str, Any]) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {ready['api_key']}"}
    with httpx.Client(base_url=ready["http"] + "/v0", headers=headers, timeout=60, trust_env=False) as http:
        yield http


def place(http: httpx.Client, order: Order) -> dict[str, str]:
    body = {"to": ["bob@example.com"], "subject": order.name, "text": f"Order {order.name}"}
    headers = {"Idempotency-Key": order.name} if order.keyed else {}
    answer = http.post(f"/inboxes/{order.inbox}/messages/send", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    """Three lives of the program that ended by a kill, and a fourth that is looked into when it is at rest."""
    folder, chance, ledger = tmp_path_factory.mktemp("data"), random.Random(SEED), Ledger()
    with Outside.open() as outside:
        relay = "{}:{}".format(*outside.address)
        for number in range(ROUNDS):
            program = Program(MAILROOM_DATA=str(folder), MAILROOM_SMTP_RELAY=relay, MAILROOM_RATE_LIMIT="0")
            try:
                ready = program.ready()
                if number == 0:
                    with client(ready) as http:
                        for inbox in INBOXES:
                            http.post("/inboxes", json={"username": inbox.partition("@")[0]}).raise_for_status()
                life = Life(ready, ledger, number)
                time.sleep(chance.uniform(1, 2))
            finally:
                program.kill()
            life.join()
        # The locks of sends that died have run out.
        with Stack(folder, relay=outside.address, config=Config(rate_per_second=0)) as stack:
            ready = {"http": stack.http, "api_key": stack.api_key}
            with client(ready) as http:
                try_again(ledger, stack, http)
                eventually(lambda: at_rest(stack))
                shown = {inbox: everything(http, f"/inboxes/{inbox}/messages", "messages") for inbox in INBOXES}
                yield History(ledger, outside, stack, http, shown)


def try_again(ledger: Ledger, stack: Stack, http: httpx.Client) -> None:
    """What every client does that got no answer; those that got one ask once more, too."""
    with smtplib.SMTP(*stack.smtp) as smtp:
        for arrival in ledger.arrivals:
            if arrival not in ledger.accepted:
                smtp.sendmail("ann@example.com", [arrival.inbox], arrival.raw)
    for order in ledger.orders:
        if order.keyed:
            answer = place(http, order)
            assert ledger.sent.setdefault(order.name, answer) == answer


def test_the_story_is_worth_telling(history: History) -> None:
    """Each life was busy, and each death left something in the middle."""
    ledger = history.ledger

    assert len(ledger.accepted) > 50
    assert len(ledger.sent) > 20
    assert len(ledger.labelled) > 20
    assert len(ledger.arrivals) > len(ledger.accepted)


def test_every_mail_is_there_once_byte_for_byte(history: History) -> None:
    raws = {each.message_id: each.raw for each in history.ledger.arrivals}
    received = [each["message_id"] for inbox in INBOXES for each in history.shown[inbox] if "received" in each["labels"]]

    assert Counter(received) == Counter(list(raws))
    for inbox in INBOXES:
        for each in history.shown[inbox]:
            if "received" in each["labels"]:
                path = f"/inboxes/{inbox}/messages/{quote(each['message_id'], safe='')}/raw"
                link = history.http.get(path).json()["download_url"]
                assert history.http.get(link).content == raws[each["message_id"]]


def test_every_answered_send_is_there_once(history: History) -> None:
    sent = {each["subject"]: each for each in history.sent()}

    assert len(sent) == len(history.sent())
    for name, answer in history.ledger.sent.items():
        assert {field: sent[name][field] for field in ("message_id", "thread_id")} == answer


def test_what_left_is_what_is_shown_as_sent(history: History) -> None:
    """Also of those who got no answer and had no key to ask again with."""
    left = [str(mail["Message-ID"]) for _, mail in history.outside.mails]

    assert set(left) == {each["message_id"] for each in history.sent()}


def test_a_mail_leaves_twice_only_if_the_relay_answered_and_we_died_before_we_noted_it(history: History) -> None:
    """One mail at a time is handed over, so at most one per death; under one Message-ID, so that its reader sees one."""
    left = Counter(mail.as_bytes() for _, mail in history.outside.mails)

    assert sum(left.values()) - len({str(mail["Message-ID"]) for _, mail in history.outside.mails}) <= ROUNDS
    assert len(left) == len({str(mail["Message-ID"]) for _, mail in history.outside.mails})


def test_answered_label_changes_hold(history: History) -> None:
    labels = {(inbox, each["message_id"]): each["labels"] for inbox in INBOXES for each in history.shown[inbox]}

    assert all(label in labels[inbox, message_id] for inbox, message_id, label in history.ledger.labelled)
    assert not any("unread" in labels[inbox, message_id] for inbox, message_id, _ in history.ledger.labelled)


def test_threads_are_what_their_messages_are(history: History) -> None:
    for inbox in INBOXES:
        by_thread: dict[str, list[dict[str, Any]]] = {}
        for each in history.shown[inbox]:
            by_thread.setdefault(each["thread_id"], []).append(each)
        threads = everything(history.http, f"/inboxes/{inbox}/threads", "threads")

        assert {each["thread_id"] for each in threads} == by_thread.keys()
        for thread in threads:
            messages = by_thread[thread["thread_id"]]
            assert thread["message_count"] == len(messages)
            assert set(thread["labels"]) == {label for each in messages for label in each["labels"]}
            assert {each["subject"] for each in messages} == {thread["subject"]}
            whole = history.http.get(f"/inboxes/{inbox}/threads/{thread['thread_id']}").json()["messages"]
            assert {each["message_id"] for each in whole} == {each["message_id"] for each in messages}


def test_every_list_is_what_a_filter_gives(history: History) -> None:
    for inbox in INBOXES:
        for label in {label for each in history.shown[inbox] for label in each["labels"]}:
            found = everything(history.http, f"/inboxes/{inbox}/messages", "messages", labels=label)
            assert found == [each for each in history.shown[inbox] if label in each["labels"]]


def test_no_change_of_a_label_is_told_twice_or_forgotten(history: History) -> None:
    for inbox in INBOXES:
        events = everything(history.http, f"/inboxes/{inbox}/events", "events")
        told = Counter((each["event_type"], each["message_id"], each["label"]) for each in events)
        kept = {(each["message_id"], label) for each in history.shown[inbox] for label in each["labels"]}

        assert set(told.values()) == {1}
        assert {key[1:] for key in told if key[0] == "label.added"} - {key[1:] for key in told if key[0] == "label.removed"} == kept
