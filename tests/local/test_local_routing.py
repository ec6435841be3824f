from __future__ import annotations

import pytest

from local.routing import Router
from local.template import Function, Route

PATHS = (
    "/inboxes",
    "/inboxes/{inbox_id}",
    "/inboxes/{inbox_id}/messages/send",
    "/inboxes/{inbox_id}/messages/{message_id}",
    "/inboxes/{inbox_id}/messages/{message_id}/raw",
    "/inboxes/{inbox_id}/messages/{message_id}/{proxy+}",
)
ROUTER = Router(Route("GET", path, Function(path, "m", "handler")) for path in PATHS)


@pytest.mark.parametrize(
    ("path", "resource"),
    [
        ("/inboxes", "/inboxes"),
        ("/inboxes/a@b", "/inboxes/{inbox_id}"),
        ("/inboxes/a/messages/send", "/inboxes/{inbox_id}/messages/send"),
        ("/inboxes/a/messages/sends", "/inboxes/{inbox_id}/messages/{message_id}"),
        ("/inboxes/a/messages/%3Cx%2Fy%3E", "/inboxes/{inbox_id}/messages/{message_id}"),
        ("/inboxes/a/messages/x/raw", "/inboxes/{inbox_id}/messages/{message_id}/raw"),
        ("/inboxes/a/messages/x/y/raw", "/inboxes/{inbox_id}/messages/{message_id}/{proxy+}"),
        ("/inboxes/a/messages/x//raw", "/inboxes/{inbox_id}/messages/{message_id}/{proxy+}"),
        ("/inboxes/a/messages/send/x", "/inboxes/{inbox_id}/messages/{message_id}/{proxy+}"),
    ],
)
def test_a_word_goes_before_a_parameter_and_that_before_the_rest(path: str, resource: str) -> None:
    match = ROUTER.match(path)

    assert match is not None
    assert match.resource == resource


@pytest.mark.parametrize(
    "path", ["/", "", "/inbox", "/inboxes/", "//", "/inboxes//messages/x", "/inboxes/a/messages/x/", "/INBOXES"]
)
def test_an_unknown_path_matches_nothing(path: str) -> None:
    assert ROUTER.match(path) is None


def test_parameters_stay_as_they_arrived() -> None:
    match = ROUTER.match("/inboxes/a%40b/messages/%3Cx+y/z%2Fw%3E/raw")

    assert match is not None
    assert match.parameters == {"inbox_id": "a%40b", "message_id": "%3Cx+y", "proxy": "z%2Fw%3E/raw"}


def test_a_path_without_the_method_has_no_function() -> None:
    match = ROUTER.match("/inboxes")

    assert match is not None
    assert match.function("GET") is not None
    assert match.function("DELETE") is None
