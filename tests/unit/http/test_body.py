import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.errors import ValidationError
from mailroom.http.body import Body, boolean, checked, decode, instant, list_of, map_of, object_of, one_of, string, strings


def shout(text: str) -> str:
    if not text:
        raise ValueError("must say something")
    return text.upper()


EXAMPLE: Body[dict[str, object]] = Body(
    object_of(
        ("name",),
        nulls=("note",),
        name=string(high=5),
        note=string(),
        to=strings(),
        flags=map_of(boolean()),
        kind=one_of("a", "b"),
        at=instant(),
        word=checked(string(), shout),
        parts=list_of(object_of(("size",), size={"type": "int", "strict": True})),
    )
)


@given(st.binary(max_size=300))
def test_any_bytes_are_an_object_or_a_validation_error(raw: bytes) -> None:
    try:
        assert isinstance(decode(raw), dict)
    except ValidationError as error:
        assert [part.path for part in error.errors] == [()]


@pytest.mark.parametrize(
    "raw", [b"[]", b"null", b'"a"', b"{", b'{"a": NaN}', b'{"a": 1e999}', b'{"a": "\\ud800"}', b"\xff", b"[" * 100_000]
)
def test_what_is_not_a_json_object_is_refused_at_the_empty_path(raw: bytes) -> None:
    with pytest.raises(ValidationError) as caught:
        decode(raw)

    assert caught.value.errors[0].path == ()


@pytest.mark.parametrize("raw", [None, b"", b"  ", "{}"])
def test_a_missing_body_is_an_empty_object(raw: bytes | str | None) -> None:
    assert decode(raw) == {}


def test_paired_surrogate_escapes_are_one_character() -> None:
    assert decode(rb'{"a": "\ud83d\ude00"}') == {"a": "\U0001f600"}


def test_only_the_fields_that_were_sent_come_out() -> None:
    assert EXAMPLE.read(b'{"name": "x", "unknown": 1}') == {"name": "x"}


def test_null_equals_absence_except_where_it_clears() -> None:
    assert EXAMPLE.read(b'{"name": "x", "note": null, "to": null}') == {"name": "x", "note": None}


def test_a_single_string_stands_for_a_list_of_one() -> None:
    assert EXAMPLE.read(b'{"name": "x", "to": "a@b"}')["to"] == ["a@b"]


def test_every_failing_field_is_reported_with_its_path() -> None:
    with pytest.raises(ValidationError) as caught:
        EXAMPLE.read(
            b'{"name": "too long", "to": ["a", 1], "flags": {"x": 1}, "kind": "c",'
            b' "at": "noon", "word": "", "parts": [{"size": "1"}, {}]}'
        )

    assert {part.path for part in caught.value.errors} == {
        ("name",),
        ("to", 1),
        ("flags", "x"),
        ("kind",),
        ("at",),
        ("word",),
        ("parts", 0, "size"),
        ("parts", 1, "size"),
    }


def test_numbers_are_never_coerced() -> None:
    with pytest.raises(ValidationError):
        EXAMPLE.read(b'{"name": 5}')


def test_an_unknown_enum_value_names_the_allowed_ones() -> None:
    with pytest.raises(ValidationError, match="'a' or 'b'"):
        EXAMPLE.read(b'{"name": "x", "kind": "c"}')


def test_a_closed_object_refuses_unknown_fields() -> None:
    with pytest.raises(ValidationError) as caught:
        Body[dict[str, object]](object_of(closed=True, a=boolean())).read(b'{"b": true}')

    assert caught.value.errors[0].path == ("b",)
