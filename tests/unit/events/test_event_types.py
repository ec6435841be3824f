"""Who hears of which type without naming it, and what hearing of it takes."""

from __future__ import annotations

import pytest

from mailroom.events import types
from mailroom.events.channels import Channels, Heard


@pytest.mark.parametrize("event_type", types.ALL)
def test_only_types_of_the_default_set_are_heard_unnamed(event_type: str) -> None:
    event = Heard(event_type, "agent@mailroom.local", "pod-1")

    assert Channels.of({}).hears(event) == Channels.of({"event_types": []}).hears(event) == (event_type in types.DEFAULT)
    assert Channels.of({"event_types": [event_type]}).hears(event)


def test_what_goes_beyond_the_original_is_in_no_default_set() -> None:
    assert set(types.ALL) - set(types.DEFAULT) == {*types.FILTERED, types.DRAFT_CANCELLED}


def test_hearing_of_drafts_takes_reading_drafts_and_no_messages() -> None:
    assert types.needed(types.DRAFT_CANCELLED) == ("draft_read",)
