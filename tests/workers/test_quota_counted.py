"""Recipients of a day and of a month: counted where a send begins, given back where it ends without a mail, exact in between
(spec: limits.md, "Organization plans")."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from mailroom.clock import parse_instant, to_wire
from mailroom.config import Config
from mailroom.messages import handover
from mailroom.ports import FetchedFile
from mailroom.store import keys
from mailroom.store.meter import metered
from mailroom.store.port import Query, Set
from tests.support.desk import mail
from tests.support.draft_desk import DraftDesk
from tests.support.quotas import (
    BODY,
    DAY_MS,
    LIMITS,
    RECIPIENTS,
    THIS_MONTH,
    TODAY,
    assert_exceeded,
    counted,
    desks,
    send_all,
    to,
)


@pytest.fixture
def open_desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., DraftDesk]]:
    monkeypatch.setattr(handover, "NOTICE_WAITS_S", ())
    with desks() as opened:
        yield opened


@pytest.fixture
def desk(open_desk: Callable[..., DraftDesk]) -> DraftDesk:
    return open_desk()


# --- what is counted ----------------------------------------------------------------------------------------------------


def test_each_recipient_counts_once_wherever_it_stands(desk: DraftDesk) -> None:
    desk.send(desk.inbox(), {**BODY, "cc": ["carl@example.com", "BOB@example.com"]})

    assert counted(desk) == {TODAY: RECIPIENTS, THIS_MONTH: RECIPIENTS}


def test_a_reply_and_a_forward_count_too(desk: DraftDesk) -> None:
    inbox = desk.inbox()
    desk.receive(desk.arrive(mail(Cc="carl@example.com"), inbox))

    desk.reply(inbox, "<m1@example.com>", {"text": "x"})
    desk.reply(inbox, "<m1@example.com>", {"text": "x"}, function="reply_all_to_message")
    desk.reply(inbox, "<m1@example.com>", to("bob"), function="forward_message")

    assert counted(desk) == {TODAY: 4, THIS_MONTH: 4}


@pytest.mark.parametrize("config", [Config(daily_send_limit=10), Config(monthly_send_limit=10)])
def test_only_what_has_a_limit_is_counted(open_desk: Callable[..., DraftDesk], config: Config) -> None:
    desk = open_desk(config)

    desk.send(desk.inbox(), BODY)

    assert counted(desk) == {TODAY if config.daily_send_limit else THIS_MONTH: RECIPIENTS}


def test_without_limits_nothing_is_written_and_nothing_costs_a_trip(open_desk: Callable[..., DraftDesk]) -> None:
    trips = []
    for config in (Config(), LIMITS):
        desk = open_desk(config)
        inbox = desk.inbox()
        desk.receive(desk.arrive(mail(), inbox))
        desk.send(inbox, {})
        desk.note_key_use()

        with metered() as sending:
            desk.send(inbox, BODY, key="k1")
        with metered() as replying:
            desk.reply(inbox, "<m1@example.com>", {"text": "x"})

        trips.append((sending.trips, replying.trips))
        assert counted(desk) == ({} if config == Config() else {TODAY: 4, THIS_MONTH: 4})

    assert trips == [(3, 4), (3, 4)]


def test_a_count_goes_by_itself_days_after_its_window(desk: DraftDesk) -> None:
    desk.send(desk.inbox(), BODY)

    ends = {TODAY: "2025-06-17T00:00:00Z", THIS_MONTH: "2025-07-01T00:00:00Z"}
    rows = desk.items.query(Query("eph", keys.sends_counted(desk.o, "-").pk, 100))
    kept = {row["sk"]: row["ttl"] - parse_instant(ends[row["sk"]]) // 1_000_000 for row in rows}
    assert kept == dict.fromkeys(ends, 7 * 24 * 3600)


# --- what is refused ----------------------------------------------------------------------------------------------------


def test_the_limit_itself_is_within_it(desk: DraftDesk) -> None:
    inbox = desk.inbox()
    send_all(desk, inbox, 10)

    assert_exceeded(desk.send(inbox, to("one")), "Daily", 12 * 3600)
    assert counted(desk) == {TODAY: 10, THIS_MONTH: 10}
    assert len(desk.mailer.sent) == 1


def test_a_send_that_does_not_fit_is_refused_as_a_whole_and_a_smaller_one_is_not(desk: DraftDesk) -> None:
    inbox = desk.inbox()
    send_all(desk, inbox, 8)

    refused, smaller = desk.send(inbox, BODY), desk.send(inbox, to("a", "b"))

    assert_exceeded(refused, "Daily", 12 * 3600)
    assert smaller.status == 200


def test_a_first_send_may_be_too_large_by_itself(desk: DraftDesk) -> None:
    assert_exceeded(desk.send(desk.inbox(), to(*map(str, range(11)))), "Daily", 12 * 3600)
    assert counted(desk) == {}


@pytest.mark.parametrize("limit", [{"daily_send_limit": 0}, {"monthly_send_limit": 0}])
def test_a_limit_of_nothing_lets_nothing_out(open_desk: Callable[..., DraftDesk], limit: dict[str, int]) -> None:
    desk = open_desk(Config(**limit))

    assert desk.send(desk.inbox(), to("a")).status == 429


@pytest.mark.parametrize(
    ("at", "day_s", "month_s"),
    [
        ("2025-06-16T12:00:00.000Z", 12 * 3600, 14 * 86400 + 12 * 3600),
        ("2025-06-16T00:00:00.000Z", 86400, 15 * 86400),
        ("2025-06-30T23:59:59.100Z", 1, 1),
        ("2025-12-31T23:00:00.000Z", 3600, 3600),
        ("2025-12-01T00:00:00.000Z", 86400, 31 * 86400),
        ("2024-02-28T12:00:00.000Z", 12 * 3600, 86400 + 12 * 3600),
        ("2023-02-28T12:00:00.000Z", 12 * 3600, 12 * 3600),
        ("2024-02-29T12:00:00.000Z", 12 * 3600, 12 * 3600),
        ("2100-02-28T12:00:00.000Z", 12 * 3600, 12 * 3600),
        ("2025-01-31T12:00:00.000Z", 12 * 3600, 12 * 3600),
    ],
)
def test_a_window_ends_at_midnight_by_utc(open_desk: Callable[..., DraftDesk], at: str, day_s: int, month_s: int) -> None:
    for name, config, seconds in (
        ("Daily", Config(daily_send_limit=1), day_s),
        ("Monthly", Config(monthly_send_limit=1), month_s),
    ):
        desk = open_desk(config, at)
        inbox = desk.inbox()
        refused = [desk.send(inbox, to("a")), desk.send(inbox, to("b"))][1]
        ends = (parse_instant(at) // 1_000_000 + seconds) * 1000

        desk.clock.now = ends - 100
        late = desk.send(inbox, to("c"))
        desk.clock.now = ends
        fresh = desk.send(inbox, to("d"))

        assert_exceeded(refused, name, seconds)
        assert f"begins anew on {to_wire(ends)[:10]} at 00:00 UTC" in refused.body["fix"]
        assert_exceeded(late, name, 1)
        assert fresh.status == 200


def test_a_new_day_has_only_what_the_month_has_left(desk: DraftDesk) -> None:
    inbox = desk.inbox()
    send_all(desk, inbox, 10)
    desk.clock.advance(DAY_MS)

    refused, fits = desk.send(inbox, BODY), desk.send(inbox, to("a", "b"))

    assert_exceeded(refused, "Monthly", 13 * 86400 + 12 * 3600)
    assert fits.status == 200
    assert counted(desk) == {TODAY: 10, "2025-06-17": 2, THIS_MONTH: 12}


def test_the_limit_is_said_before_an_attachment_is_fetched_and_after_the_lists(
    desk: DraftDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = desk.inbox()
    send_all(desk, inbox, 10)
    fetched: list[str] = []

    def fetch(url: str, *, max_bytes: int) -> FetchedFile:
        fetched.append(url)
        return FetchedFile(b"x", "x.txt", "text/plain")

    monkeypatch.setattr(desk.fetcher, "fetch", fetch)
    with_file = {**to("a"), "attachments": [{"url": "https://files.test/x"}]}

    refused = desk.send(inbox, with_file)
    nobody = desk.send(inbox, {**with_file, "to": []})
    desk.items.update(keys.inbox(desk.o, inbox), [Set("status", "paused")])
    paused = desk.send(inbox, with_file)

    assert_exceeded(refused, "Daily", 12 * 3600)
    assert (nobody.body["code"], paused.body["code"]) == ("unprocessable", "inbox_paused")
    assert fetched == []


def test_the_limit_is_said_before_a_loop(desk: DraftDesk) -> None:
    inbox = desk.inbox()
    desk.receive(desk.arrive(mail(Auto_Submitted="auto-replied"), inbox))
    within = desk.reply(inbox, "<m1@example.com>", {"text": "x"})
    send_all(desk, inbox, 10)

    assert within.body["code"] == "loop_detected"
    assert desk.reply(inbox, "<m1@example.com>", {"text": "x"}).body["code"] == "rate_limit_exceeded"
