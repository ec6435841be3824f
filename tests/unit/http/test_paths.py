from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.http.paths import normalized_message_id, path_parameters, raw_tail

MESSAGE = "/inboxes/{inbox_id}/messages/{message_id}"


@pytest.mark.parametrize(
    "path",
    [
        "/inboxes/a%40b.c/messages/%3Cx%2By%40z%3E",
        "/inboxes/a@b.c/messages/%3Cx+y@z%3E",
        "/v0/inboxes/a@b.c/messages/%3Cx+y@z%3E",
    ],
)
def test_parameters_are_decoded_once_and_a_plus_stays(path: str) -> None:
    assert path_parameters(MESSAGE, path) == {"inbox_id": "a@b.c", "message_id": "<x+y@z>"}


@given(st.text(min_size=1), st.text(min_size=1))
def test_what_a_client_encoded_fully_comes_back(inbox: str, message: str) -> None:
    path = f"/inboxes/{quote(inbox, safe='')}/messages/{quote(message, safe='')}"

    assert path_parameters(MESSAGE, path) == {"inbox_id": inbox, "message_id": message}


def test_a_greedy_resource_keeps_the_tail_undecoded() -> None:
    resource, path = "/inboxes/{inbox_id}/messages/{proxy+}", "/inboxes/a%40b/messages/%3Cx/y%2Fz%3E/raw"

    assert path_parameters(resource, path)["inbox_id"] == "a@b"
    assert raw_tail(resource, path) == "%3Cx/y%2Fz%3E/raw"


def test_a_path_with_other_segments_falls_back_to_the_gateways_parsing() -> None:
    given = {"inbox_id": "a@b", "message_id": "%3Cx/y%3E"}

    assert path_parameters(MESSAGE, "/inboxes/a@b/messages/<x/y>", given) == {"inbox_id": "a@b", "message_id": "<x/y>"}


def test_a_message_id_is_accepted_without_brackets() -> None:
    assert normalized_message_id("x@y") == normalized_message_id("<x@y>") == "<x@y>"
