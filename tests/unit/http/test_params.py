import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.errors import ValidationError
from mailroom.http.params import Params


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ({"labels": ['["a", "b"]']}, ("a", "b")),
        ({"labels": ['["a"]']}, ("a",)),
        ({"labels": ["a", "b"]}, ("a", "b")),
        ({"labels[]": ["a", "b"]}, ("a", "b")),
        ({"labels": ["a"]}, ("a",)),
        ({"labels": ["[not json"]}, ("[not json",)),
        ({"labels": ["[]"]}, ()),
        ({}, ()),
    ],
)
def test_a_list_arrives_in_every_form_clients_send(sent: dict[str, list[str]], read: tuple[str, ...]) -> None:
    params = Params(sent)

    assert params.strings("labels") == read
    params.finish()


@given(st.lists(st.text()))
def test_a_json_list_of_strings_is_read_as_it_is(values: list[str]) -> None:
    assert Params({"labels": [json.dumps(values)]}).strings("labels") == tuple(values)


def test_a_list_of_other_things_is_refused() -> None:
    params = Params({"labels": ["[1, 2]"]})

    params.strings("labels")

    with pytest.raises(ValidationError):
        params.finish()


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "", "ten", "101", "1e3", "٣", "99999999999999999999"])
def test_a_limit_out_of_range_or_not_whole_is_refused(text: str) -> None:
    params = Params({"limit": [text]})

    params.integer("limit", default=50, low=1, high=100)

    with pytest.raises(ValidationError) as caught:
        params.finish()
    assert caught.value.errors[0].path == ("limit",)


def test_all_failing_parameters_are_reported_at_once() -> None:
    params = Params({"limit": ["x"], "ascending": ["maybe"], "before": ["yesterday"]})

    params.integer("limit", default=50, low=1, high=100)
    params.boolean("ascending")
    params.instant("before")

    with pytest.raises(ValidationError) as caught:
        params.finish()
    assert [part.path for part in caught.value.errors] == [("limit",), ("ascending",), ("before",)]


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("1970-01-01T00:00:01Z", 1_000_000),
        ("1970-01-01T00:00:01", 1_000_000),
        ("1970-01-01T00:00:00.000001Z", 1),
        ("1970-01-01T00:00:00.123456789Z", 123_456),
        ("1970-01-01T01:00:01+01:00", 1_000_000),
        ("1970-01-01T01:00:01 01:00", 1_000_000),
        ("1969-12-31T23:00:01-01:00", 1_000_000),
        ("1970-01-02", 86_400_000_000),
    ],
)
def test_any_iso_timestamp_is_understood(text: str, microseconds: int) -> None:
    assert Params({"after": [text]}).instant("after") == microseconds
