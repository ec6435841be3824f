"""What the domain of an inbox means for its mail, in and out (spec: messages.md, "Order of checks"; domains.md): on both stores."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mailroom.inbound import worker
from mailroom.messages import handover
from mailroom.messages.idempotency import LOCK_MS
from mailroom.runtime import Runtime
from mailroom.store import keys
from mailroom.store.meter import metered
from mailroom.store.port import Set
from tests.support.crashes import Executioner, Killed
from tests.support.desk import Answer, Desk, mail
from tests.support.domain_rows import inbox_at, released_domain, unverified_domain, verified_domain
from tests.support.draft_desk import MINUTE, DraftDesk
from tests.support.dynamo import dynamo_items
from tests.support.lists import listed

DOMAIN = "mail.example.com"
INBOX = f"agent@{DOMAIN}"
BELOW = f"agent@eu.{DOMAIN}"
OTHER = "another-organization"
LETTER = {"to": ["bob@example.org"], "text": "One"}
Place = Callable[[Runtime, str], object]


def unregistered(runtime: Runtime, o: str) -> None:
    """No claim at all: the name was the deployment's own once."""


def released(runtime: Runtime, o: str) -> None:
    verified_domain(runtime, o, DOMAIN)
    released_domain(runtime, DOMAIN)


PLACES: dict[str, tuple[Place, bool, bool]] = {
    "verified": (lambda runtime, o: verified_domain(runtime, o, DOMAIN), True, True),
    "never verified": (lambda runtime, o: unverified_domain(runtime, o, DOMAIN), False, True),
    "fallen back": (lambda runtime, o: verified_domain(runtime, o, DOMAIN, status="PENDING"), True, True),
    "withdrawn by the provider": (lambda runtime, o: verified_domain(runtime, o, DOMAIN, withdrawn=True), False, True),
    "for sending only": (lambda runtime, o: verified_domain(runtime, o, DOMAIN, inbound_enabled=False), True, False),
    "deleted": (released, False, False),
    "another's": (lambda runtime, o: verified_domain(runtime, OTHER, DOMAIN), False, False),
    "the deployment's before": (unregistered, True, True),
}
"""Where a domain stands, and whether it sends and receives."""


@pytest.fixture(params=["sqlite", "dynamodb"])
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    with contextlib.ExitStack() as stack:
        items = stack.enter_context(dynamo_items()) if request.param == "dynamodb" else None
        yield stack.enter_context(Desk(items=items))


@pytest.fixture
def drafts() -> Iterator[DraftDesk]:
    with DraftDesk() as desk:
        yield desk


def told(answer: Answer) -> tuple[int, str | None]:
    return answer.status, answer.body.get("code")


@pytest.mark.parametrize("place", PLACES)
def test_a_domain_decides_whether_its_inboxes_send_and_receive(desk: Desk, place: str) -> None:
    stand, sends, receives = PLACES[place]
    inbox_at(desk.runtime, desk.o, INBOX)
    stand(desk.runtime, desk.o)

    answer = desk.send(INBOX, LETTER)
    failed = desk.receive(desk.arrive(mail(to=INBOX), INBOX))

    assert told(answer) == ((200, None) if sends else (403, "domain_not_verified"))
    assert len(desk.mailer.sent) == sends
    assert failed == []
    assert len(desk.messages(INBOX)) == sends + receives


def test_a_subdomain_inbox_stands_on_the_nearest_domain_of_its_organization(desk: Desk) -> None:
    verified_domain(desk.runtime, desk.o, DOMAIN, subdomains_enabled=True)
    inbox_at(desk.runtime, desk.o, BELOW)
    answers = [told(desk.send(BELOW, LETTER))]

    unverified_domain(desk.runtime, desk.o, f"eu.{DOMAIN}")
    answers.append(told(desk.send(BELOW, LETTER)))
    unverified_domain(desk.runtime, OTHER, f"eu.{DOMAIN}")
    answers.append(told(desk.send(BELOW, LETTER)))
    verified_domain(desk.runtime, OTHER, f"eu.{DOMAIN}")
    answers.append(told(desk.send(BELOW, LETTER)))

    assert answers == [(200, None), (403, "domain_not_verified"), (200, None), (403, "domain_not_verified")]


def test_the_default_domain_is_never_asked_about(desk: Desk) -> None:
    """A claim on it, or above it, is not made by anybody; nor does it matter."""
    inbox = desk.inbox()
    unverified_domain(desk.runtime, OTHER, "mailroom.local")

    assert told(desk.send(inbox, LETTER)) == (200, None)
    assert desk.receive(desk.arrive(mail(), inbox)) == []
    assert len(desk.messages(inbox)) == 2


def test_every_way_of_answering_is_refused(desk: Desk) -> None:
    inbox_at(desk.runtime, desk.o, INBOX)
    unverified_domain(desk.runtime, desk.o, DOMAIN)
    desk.receive(desk.arrive(mail(to=INBOX), INBOX))

    answers = [
        desk.reply(INBOX, "<m1@example.com>", {"text": "x"}),
        desk.reply(INBOX, "<m1@example.com>", {"text": "x"}, function="reply_all_to_message"),
        desk.reply(INBOX, "<m1@example.com>", {"to": ["bob@example.org"]}, function="forward_message"),
    ]

    assert [told(answer) for answer in answers] == [(403, "domain_not_verified")] * 3
    assert all(DOMAIN in answer.body["fix"] for answer in answers)
    assert desk.mailer.sent == []


def test_the_domain_is_asked_after_pause_and_recipients_and_before_lists(desk: Desk) -> None:
    inbox_at(desk.runtime, desk.o, INBOX)
    unverified_domain(desk.runtime, desk.o, DOMAIN)
    listed(desk, "send", "block", "example.org")

    nobody, blocked = desk.send(INBOX, {}), desk.send(INBOX, LETTER)
    desk.items.update(keys.inbox(desk.o, INBOX), [Set("status", "paused")])
    paused = desk.send(INBOX, LETTER)

    assert [told(each)[1] for each in (nobody, blocked, paused)] == ["unprocessable", "domain_not_verified", "inbox_paused"]


def test_a_custom_domain_costs_no_trip_more(desk: Desk) -> None:
    verified_domain(desk.runtime, desk.o, DOMAIN)
    inboxes = (desk.inbox(), inbox_at(desk.runtime, desk.o, INBOX))
    desk.send(inboxes[0], {})
    desk.note_key_use()

    costs = []
    for inbox in inboxes:
        with metered() as receiving:
            desk.receive(desk.arrive(mail(to=inbox), inbox))
        with metered() as sending:
            assert desk.send(inbox, LETTER).status == 200
        with metered() as replying:
            assert desk.reply(inbox, "<m1@example.com>", {"text": "x"}).status == 200
        costs.append((receiving.trips, sending.trips, replying.trips))

    assert costs[0] == costs[1]
    assert costs[0][1:] == (3, 4)


@pytest.mark.parametrize("named", ["a." * 5000 + "b", "x@" + "a." * 5000 + "b", "x@" + "a." * 60 + "b"])
def test_a_path_that_somebody_made_up_of_dots_is_not_read_dot_by_dot(desk: Desk, named: str) -> None:
    desk.send(desk.inbox(), {})
    desk.note_key_use()

    with metered() as meter:
        answer = desk.send(named, LETTER)

    assert answer.status == 404
    assert meter.trips <= 2
    assert meter.read_units < 20


def test_recipients_that_somebody_made_up_of_dots_are_not_read_dot_by_dot(desk: Desk) -> None:
    inbox_at(desk.runtime, desk.o, INBOX)
    verified_domain(desk.runtime, desk.o, DOMAIN)
    made_up = [f"x@{'a.' * 60}{number}.example.net" for number in range(50)]
    record = desk.arrive(mail(to=INBOX), INBOX, *made_up)

    with metered() as meter:
        worker.receive(record, runtime=desk.runtime)

    assert len(desk.messages(INBOX)) == 1
    assert meter.read_units < 200


def test_a_mail_for_several_is_dropped_only_where_the_domain_does_not_receive(desk: Desk) -> None:
    inboxes = (desk.inbox(), inbox_at(desk.runtime, desk.o, INBOX))
    verified_domain(desk.runtime, desk.o, DOMAIN, inbound_enabled=False)

    desk.receive(desk.arrive(mail(), *inboxes))

    assert [len(desk.messages(inbox)) for inbox in inboxes] == [1, 0]


@pytest.mark.parametrize("desk", ["sqlite"], indirect=True)
@pytest.mark.parametrize("taken", [False, True])
def test_an_interrupted_send_is_not_repeated_from_a_domain_that_is_anothers_now(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, taken: bool
) -> None:
    """What the provider took before is stored all the same."""
    monkeypatch.setattr(handover, "NOTICE_WAITS_S", ())
    verified_domain(desk.runtime, desk.o, DOMAIN)
    inbox_at(desk.runtime, desk.o, INBOX)
    alive = desk.runtime
    desk.runtime = dataclasses.replace(alive, mailer=Executioner(1 if taken else -1).watch(alive.mailer))
    with pytest.raises(Killed):
        desk.send(INBOX, LETTER, key="k1")
    desk.runtime = alive
    desk.clock.advance(LOCK_MS)
    verified_domain(desk.runtime, OTHER, DOMAIN)

    answer = desk.send(INBOX, LETTER, key="k1")

    assert told(answer) == ((200, None) if taken else (403, "domain_not_verified"))
    assert len(desk.mailer.sent) == taken


# --- drafts -------------------------------------------------------------------------------------------------------------


def test_a_draft_that_is_sent_by_hand_is_refused_and_stays(drafts: DraftDesk) -> None:
    inbox_at(drafts.runtime, drafts.o, INBOX)
    unverified_domain(drafts.runtime, drafts.o, DOMAIN)
    draft_id = drafts.draft(INBOX)

    answer = drafts.post(INBOX, draft_id)

    assert told(answer) == (403, "domain_not_verified")
    assert "send_status" not in drafts.shown(INBOX, draft_id)
    verified_domain(drafts.runtime, drafts.o, DOMAIN)
    assert drafts.post(INBOX, draft_id).status == 200


def test_a_draft_that_is_due_fails_and_says_why(drafts: DraftDesk) -> None:
    inbox_at(drafts.runtime, drafts.o, INBOX)
    verified_domain(drafts.runtime, drafts.o, DOMAIN)
    draft_id = drafts.draft(INBOX, due_in=MINUTE)
    released_domain(drafts.runtime, DOMAIN)

    assert drafts.wait(MINUTE) == []

    failed: dict[str, Any] = drafts.shown(INBOX, draft_id)
    assert (failed["send_status"], failed["send_error"]["code"]) == ("failed", "domain_not_verified")
    assert drafts.mailer.sent == []
