"""A key that is nobody's is found out in one way, whatever it looks like: no other call, so no other time (see `make bench`)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from mailroom.runtime import using
from tests.support.crashes import Executioner
from tests.support.desk import SECRET, Answer, Desk


@pytest.fixture
def desk() -> Iterator[Desk]:
    with Desk() as desk:
        yield desk


def asked(desk: Desk, secret: str) -> tuple[Answer, list[str]]:
    """What a key is answered, and the calls it took."""
    from functions.keys import get_api_key

    watch = Executioner()
    event = {
        "httpMethod": "GET",
        "resource": "/api-keys/{api_key_id}",
        "path": "/api-keys/x",
        "pathParameters": {"api_key_id": "x"},
        "headers": {"Authorization": f"Bearer {secret}"},
    }
    with using(replace(desk.runtime, items=watch.watch(desk.items))):
        answer = Answer(get_api_key.handler(event, None))
    return answer, watch.calls


def test_an_unknown_and_a_wrong_key_take_the_same_calls(desk: Desk) -> None:
    known, _ = asked(desk, SECRET)
    assert (known.status, known.body["code"]) == (404, "not_found")
    wrong = [SECRET[:-1] + "x", SECRET + "k", SECRET[:11] + "z" * 40, SECRET.swapcase()]
    unknown = ["am_" + "z" * 48, "x", "am_", "z" * 5000]

    answers = [asked(desk, secret) for secret in (*wrong, *unknown)]

    assert {(answer.status, answer.body["code"], str(calls)) for answer, calls in answers} == {
        (401, "unknown_api_key", "['SqliteItemStore.fetch']")
    }
    assert len({str(sorted(answer.body.items())) for answer, _ in answers}) == 1
