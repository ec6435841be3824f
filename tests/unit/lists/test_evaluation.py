"""Precedence of lists against the rules of the specification, written down once more and naively (spec: lists.md, "Evaluation")."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailroom.keys.scopes import Scope
from mailroom.lists.evaluation import Level, Refusal, refusal
from mailroom.lists.levels import count_keys, read_levels
from mailroom.lists.receiving import MAX_AUTHORS, blocked
from mailroom.lists.record import LIST_TYPES, ListEntryRecord, ListType
from mailroom.messages.threading import Surroundings
from mailroom.store import keys
from mailroom.store.meter import metered
from tests.support.desk import Desk
from tests.support.lists import listed
from tests.support.mails import message_record

SCOPES = (Scope("inbox", "i", "p", "i"), Scope("pod", "p", "p"), Scope("organization", "o"))
ADDRESSES = ("ann@example.com", "bob@example.com", "ann@sub.example.com", "eve@other.org", "")
NAMES = ("ann@example.com", "bob@example.com", "example.com", "sub.example.com", "eve@other.org")


class Listed(NamedTuple):
    scope: int
    """Place in SCOPES."""
    list_type: ListType
    entry: str
    read_only: bool = False


def levels_of(entries: frozenset[Listed]) -> list[Level]:
    levels = []
    for place, scope in enumerate(SCOPES):
        here = [each for each in entries if each.scope == place]
        found = {(each.list_type, each.entry): record(each) for each in here}
        levels.append(Level(scope, any(each.list_type == "allow" for each in here), found))
    return levels


def record(listed: Listed) -> ListEntryRecord:
    made = ListEntryRecord(
        entry=listed.entry,
        organization_id="o",
        direction="receive",
        list_type=listed.list_type,
        entry_type="email" if "@" in listed.entry else "domain",
        created_at=1,
    )
    if listed.read_only:
        made["read_only"] = True
    return made


def covers(entry: str, address: str) -> bool:
    domain = address.rpartition("@")[2]
    return bool(address) and (entry == address or ("@" not in entry and (domain == entry or domain.endswith("." + entry))))


def by_the_book(entries: frozenset[Listed], address: str, trusted: bool) -> tuple[bool, int | None]:
    """(refused, the scope that says so)."""
    for place in range(3):
        if any(each.scope == place and each.read_only and covers(each.entry, address) for each in entries):
            return True, place
    for place in range(3):
        matching = {each.list_type for each in entries if each.scope == place and covers(each.entry, address)}
        if "block" in matching:
            return True, place
        if "allow" in matching and trusted:
            return False, None
    governing = [each.scope for each in entries if each.list_type == "allow"]
    return (True, min(governing)) if governing else (False, None)


def entries(*rows: tuple[int, ListType, str]) -> frozenset[Listed]:
    return frozenset(Listed(*row) for row in rows)


LISTED = st.builds(
    lambda scope, list_type, entry, own: Listed(
        scope, list_type, entry, list_type == "block" and scope == 2 and "@" in entry and own
    ),
    st.integers(0, 2),
    st.sampled_from(LIST_TYPES),
    st.sampled_from(NAMES),
    st.booleans(),
)


@given(st.frozensets(LISTED, max_size=8), st.sampled_from(ADDRESSES), st.booleans())
@settings(max_examples=600)
def test_lists_decide_by_the_book(listed: frozenset[Listed], address: str, trusted: bool) -> None:
    unique = frozenset({(each.scope, each.list_type, each.entry): each for each in listed}.values())

    found = refusal(address, levels_of(unique), trusted=trusted)

    refused, place = by_the_book(unique, address, trusted)
    assert (found is not None) == refused
    assert found is None or found.scope == SCOPES[place or 0]
    assert found is None or found.entry is None or covers(found.entry["entry"], address)


# --- the rules one by one -----------------------------------------------------------------------------------------------


def test_without_lists_everybody_is_let_through() -> None:
    assert refusal("ann@example.com", levels_of(frozenset())) is None


@pytest.mark.parametrize(("narrow", "wide"), [(0, 1), (0, 2), (1, 2)])
def test_the_narrower_scope_decides(narrow: int, wide: int) -> None:
    allowed = entries((narrow, "allow", "ann@example.com"), (wide, "block", "ann@example.com"))
    refused = entries((narrow, "block", "ann@example.com"), (wide, "allow", "ann@example.com"))

    assert refusal("ann@example.com", levels_of(allowed)) is None
    assert refusal("ann@example.com", levels_of(refused)) == Refusal(
        SCOPES[narrow], record(Listed(narrow, "block", "ann@example.com"))
    )


def test_block_beats_allow_inside_a_scope_however_specific() -> None:
    listed = entries((0, "allow", "ann@example.com"), (0, "block", "example.com"))

    assert refusal("ann@example.com", levels_of(listed)) is not None


def test_the_narrowest_allow_list_governs_strangers() -> None:
    listed = entries((1, "allow", "bob@example.com"), (2, "allow", "example.org"))

    assert refusal("ann@example.com", levels_of(listed)) == Refusal(SCOPES[1])
    assert refusal("x@example.org", levels_of(listed)) is None


def test_what_the_service_has_blocked_no_narrower_list_allows() -> None:
    own = Listed(2, "block", "ann@example.com", read_only=True)
    listed = entries((0, "allow", "ann@example.com")) | {own}

    assert refusal("ann@example.com", levels_of(listed)) == Refusal(SCOPES[2], record(own))


def test_nobody_matches_nothing() -> None:
    assert refusal("", levels_of(entries((0, "block", "example.com")))) is None
    assert refusal("", levels_of(entries((0, "allow", "example.com")))) == Refusal(SCOPES[0])


def test_an_untrusted_address_is_blocked_but_never_allowed() -> None:
    allowed, refused = entries((0, "allow", "example.com")), entries((2, "block", "example.com"))

    assert refusal("ann@example.com", levels_of(allowed), trusted=False) == Refusal(SCOPES[0])
    assert refusal("ann@example.com", levels_of(refused), trusted=False) is not None
    assert refusal("eve@other.org", levels_of(refused), trusted=False) is None


# --- reading ------------------------------------------------------------------------------------------------------------


def test_what_is_read_leads_to_the_same_decisions() -> None:
    with Desk() as desk:
        inbox_id = desk.inbox()
        listed(desk, "receive", "allow", "ann@example.com", inbox_id=inbox_id)
        listed(desk, "receive", "block", "example.com", pod_id="pod-1")
        listed(desk, "receive", "allow", "other.org")
        listed(desk, "send", "block", "ann@example.com", inbox_id=inbox_id)

        refused = {address: why(desk, inbox_id, address) for address in ADDRESSES}

    assert refused == {
        "ann@example.com": None,
        "bob@example.com": "pod",
        "ann@sub.example.com": "pod",
        "eve@other.org": None,
        "": "inbox",
    }


def why(desk: Desk, inbox_id: str, address: str) -> str | None:
    rows = desk.items.batch_get(count_keys(desk.o, inbox_id))
    inbox = desk.items.get(keys.inbox(desk.o, inbox_id))
    levels = read_levels(desk.o, inbox, "receive", [address], rows, items=desk.items)  # type: ignore[arg-type]
    found = refusal(address, levels)
    return found.scope.type if found else None


def test_lists_of_another_pod_cost_a_trip_and_decide_nothing() -> None:
    with Desk() as desk:
        inbox_id = desk.inbox()
        listed(desk, "receive", "block", "example.com", pod_id="pod-2")

        with metered() as meter:
            refused = why(desk, inbox_id, "ann@example.com")

    assert (refused, meter.trips) == (None, 3)


@pytest.mark.parametrize(
    ("authors", "refused"),
    [
        (["ann@example.com"], False),
        (["ann@example.com", "eve@other.org"], True),
        (["ann@example.com", "x@example.com"], False),
        (["ann@example.com"] * MAX_AUTHORS + ["eve@other.org"], False),
        ([], False),
    ],
)
def test_one_blocked_author_blocks_the_mail(authors: list[str], refused: bool) -> None:
    with Desk() as desk:
        inbox_id = desk.inbox()
        listed(desk, "receive", "block", "other.org", inbox_id=inbox_id)

        assert asked(desk, inbox_id, authors) == (refused, 0)


def test_trust_is_asked_for_only_where_an_allow_list_lets_in() -> None:
    with Desk() as desk:
        inbox_id = desk.inbox()
        listed(desk, "receive", "allow", "example.com", inbox_id=inbox_id)
        listed(desk, "receive", "block", "bob@example.com", inbox_id=inbox_id)

        assert asked(desk, inbox_id, ["ann@example.com"], trust=True) == (False, 1)
        assert asked(desk, inbox_id, ["ann@example.com"], trust=False) == (True, 1)
        assert asked(desk, inbox_id, ["bob@example.com"], trust=True) == (True, 0)
        assert asked(desk, inbox_id, ["eve@other.org"], trust=True) == (True, 0)


@pytest.mark.parametrize(("labels", "reply"), [(("sent",), True), (("received",), False), (("sent", "received"), True)])
def test_an_answer_to_what_the_inbox_sent_goes_by_the_reply_lists(labels: tuple[str, ...], reply: bool) -> None:
    parents = {"<m1@example.com>": message_record("<m1@example.com>", labels=labels), "<m2@example.com>": message_record("<m2@x>")}
    with Desk() as desk:
        inbox_id = desk.inbox()
        listed(desk, "receive", "block", "ann@example.com", inbox_id=inbox_id)
        listed(desk, "reply", "block", "bob@example.com", inbox_id=inbox_id)

        ann, bob = (asked(desk, inbox_id, [f"{name}@example.com"], parents=parents)[0] for name in ("ann", "bob"))

    assert (ann, bob) == (not reply, reply)


def asked(
    desk: Desk, inbox_id: str, authors: list[str], *, trust: bool = True, parents: dict[str, object] | None = None
) -> tuple[bool, int]:
    """(blocked, how often trust was asked for)."""
    times = 0

    def trusted() -> bool:
        nonlocal times
        times += 1
        return trust

    seen = Surroundings(parents=dict(parents or {}), list_counts=desk.items.batch_get(count_keys(desk.o, inbox_id)))  # type: ignore[arg-type]
    inbox = desk.items.get(keys.inbox(desk.o, inbox_id))
    return blocked(desk.o, inbox, authors, seen, trusted=trusted, items=desk.items), times  # type: ignore[arg-type]
