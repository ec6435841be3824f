import re
import uuid
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.clock import parse_instant, to_wire
from mailroom.ids import derived_uuid, derived_uuid7, digest26, event_id, new_api_key, uuid7

MOMENTS = st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(9999, 12, 30), timezones=st.just(UTC))
OFFSETS = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(MOMENTS, OFFSETS)
def test_an_instant_is_read_from_any_offset(moment: datetime, offset: timezone) -> None:
    written = moment.astimezone(offset).isoformat()

    assert parse_instant(written) == (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


@given(st.integers(0, 253_402_300_799_999))
def test_wire_time_has_milliseconds_and_comes_back(ms: int) -> None:
    written = to_wire(ms)

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", written)
    assert parse_instant(written) == ms * 1000


@pytest.mark.parametrize(
    "text",
    [
        *("", "now", "2024-13-01T00:00:00Z", "2024-01-01T25:00:00Z", "2024-01-01T00:00:00+99:99", "20240101"),
        *("2024-01-01T00:00:75Z", "\u0662\u0660\u0662\u0664-01-01T00:00:00Z"),
        *("9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"),
    ],
)
def test_what_is_no_timestamp_raises(text: str) -> None:
    with pytest.raises(ValueError):
        parse_instant(text)


@given(st.integers(0, 2**40), st.integers(0, 2**40))
def test_minted_ids_sort_by_time(first: int, second: int) -> None:
    first, second = sorted((first, second + first + 1))

    assert uuid7(first) < uuid7(second)
    assert event_id(first, "z") < event_id(second, "a")
    assert uuid.UUID(uuid7(first)).version == 7


def test_derived_ids_depend_on_every_part() -> None:
    assert derived_uuid("a", "b") == derived_uuid("a", "b") != derived_uuid("ab", "")
    assert derived_uuid7(1, "a") == derived_uuid7(1, "a") != derived_uuid7(1, "b")
    assert digest26("<a@b>") == digest26("<a@b>") != digest26("<a@c>")


def test_an_api_key_is_a_prefix_and_48_characters() -> None:
    assert re.fullmatch(r"am_[A-Za-z0-9]{48}", new_api_key())
    assert new_api_key() != new_api_key()
