from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.filters import Pattern, passes, pattern, sieve
from local.store.codec import encode
from local.template import load
from mailroom.events import types
from mailroom.store.port import ChangeRecord, Item, Key

TEMPLATE = Path(__file__).parent.parent.parent / "template.yaml"


def change(new: Item | None, old: Item | None = None) -> ChangeRecord:
    return ChangeRecord("1", "ev", Key("ev", "p", "s"), old, new)


def fits(rules: Any, new: Item | None) -> bool:
    return passes(change(new), (pattern(json.dumps({"dynamodb": {"NewImage": rules}})),))


@pytest.mark.parametrize(
    ("rules", "image", "expected"),
    [
        ({"a": {"S": ["x", "y"]}}, {"a": "y"}, True),
        ({"a": {"S": ["x", "y"]}}, {"a": "z"}, False),
        ({"a": {"S": ["x"]}}, {}, False),
        ({"a": {"S": [{"prefix": "mess"}]}}, {"a": "message"}, True),
        ({"a": {"S": [{"prefix": "mess"}]}}, {"a": "label"}, False),
        ({"a": {"S": [{"prefix": "mess"}]}}, {"a": 5}, False),
        ({"a": {"N": [{"exists": True}]}}, {"a": 0}, True),
        ({"a": {"N": [{"exists": True}]}}, {"a": "0"}, False),
        ({"a": {"N": [{"exists": False}]}}, {"b": 1}, True),
        ({"a": {"N": [{"exists": False}]}}, {"a": 1}, False),
        ({"a": {"N": ["5"]}}, {"a": 5}, True),
        ({"a": {"S": ["x"]}, "b": {"N": [{"exists": True}]}}, {"a": "x"}, False),
        ({"a": {"S": ["x"]}}, None, False),
    ],
)
def test_a_pattern_fits_what_lambda_would_let_through(rules: Any, image: Item | None, expected: bool) -> None:
    assert fits(rules, image) is expected


def test_one_of_several_patterns_is_enough_and_without_any_everything_passes() -> None:
    patterns = tuple(pattern(f'{{"dynamodb": {{"NewImage": {{"a": {{"S": ["{text}"]}}}}}}}}') for text in "xy")

    assert passes(change({"a": "y"}), patterns)
    assert not passes(change({"a": "z"}), patterns)
    assert passes(change(None), ())


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        "[]",
        "{}",
        '{"dynamodb": {}}',
        '{"eventName": ["INSERT"]}',
        '{"eventName": ["INSERT"], "dynamodb": {"NewImage": {"a": {"S": ["x"]}}}}',
        '{"dynamodb": {"Keys": {"pk": {"S": ["x"]}}}}',
        '{"dynamodb": {"NewImage": {"a": {"BOOL": [true]}}}}',
        '{"dynamodb": {"NewImage": {"a": {"S": []}}}}',
        '{"dynamodb": {"NewImage": {"a": {"S": [{"anything-but": "x"}]}}}}',
        '{"dynamodb": {"NewImage": {"a": {"S": [{"exists": "x"}]}}}}',
    ],
)
def test_a_pattern_that_is_not_understood_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        pattern(text)


@pytest.mark.parametrize(
    ("image", "names"),
    [
        *(({"event_type": each}, {"SequenceEventsFunction"}) for each in types.ALL),
        ({"event_type": "message.sent", "pos": 64}, set()),
        ({"event_type": "label.added"}, set()),
        ({"page": 1, "events": []}, {"PublishEventsFunction"}),
        ({"position": 64}, set()),
        (None, set()),
    ],
)
def test_the_template_hands_each_row_of_the_event_table_to_whom_it_concerns(image: Item | None, names: set[str]) -> None:
    workers = [worker for worker in load(TEMPLATE).stream_workers if worker.table == "ev"]

    assert {worker.function.name for worker in workers if passes(change(image), worker.filters)} == names


TEXTS = st.sampled_from(["message.received", "message.", "label.added", 'KEY#é\\"', "", "pos"])
VALUES = st.one_of(TEXTS, st.integers(0, 20), st.binary(max_size=2), st.dictionaries(st.just("pos"), TEXTS, max_size=1))
ITEMS = st.none() | st.dictionaries(st.sampled_from(["event_type", "pos", "page"]), VALUES, max_size=3)
RULES = st.one_of(
    TEXTS, st.builds(lambda text: {"prefix": text}, TEXTS), st.builds(lambda given: {"exists": given}, st.booleans()), st.just("12")
)
FIELDS = st.builds(lambda kind, rules: {kind: rules}, st.sampled_from(["S", "N"]), st.lists(RULES, min_size=1, max_size=2))
PATTERNS = st.builds(
    lambda image, fields: pattern(json.dumps({"dynamodb": {image: fields}})),
    st.sampled_from(["NewImage", "OldImage"]),
    st.dictionaries(st.sampled_from(["event_type", "pos", "pk", "sk"]), FIELDS, min_size=1, max_size=2),
)


@settings(max_examples=500, deadline=None)
@given(TEXTS.filter(bool), ITEMS, ITEMS, st.lists(PATTERNS, max_size=2))
def test_what_passes_is_never_sieved_out(pk: str, old: Item | None, new: Item | None, patterns: list[Pattern]) -> None:
    key = Key("core", pk, "-")
    images = [None if item is None else {**item, "pk": pk, "sk": "-"} for item in (old, new)]
    kept = [None if item is None else encode(item) for item in (old, new)]

    if passes(ChangeRecord("1", "core", key, *images), patterns):
        assert sieve("core", patterns)(*key, *kept)


def test_changes_of_another_table_are_sieved_out() -> None:
    assert not sieve("core", [])("ev", "p", "s", None, "{}")
