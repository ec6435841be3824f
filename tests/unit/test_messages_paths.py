"""Message ids with raw slashes (spec: messages.md, "Path parsing")."""

from __future__ import annotations

import pytest

from mailroom.errors import MethodNotAllowed, NotFound
from mailroom.http.paths import path_parameters
from mailroom.messages.paths import operation

BASE = "/inboxes/a@x.io/messages/"


@pytest.mark.parametrize(
    ("method", "tail", "name", "message_id"),
    [
        ("GET", "%3Ca/b@x%3E", "get_message", "<a/b@x>"),
        ("PATCH", "%3Ca/b/c@x%3E", "update_message", "<a/b/c@x>"),
        ("DELETE", "a/b+c@x", "delete_message", "a/b+c@x"),
        ("GET", "%3Ca/b@x%3E/raw", "get_raw_message", "<a/b@x>"),
        ("GET", "%3Ca/raw/b@x%3E/raw", "get_raw_message", "<a/raw/b@x>"),
        ("POST", "%3Ca/b@x%3E/reply", "reply_to_message", "<a/b@x>"),
        ("POST", "%3Ca/b@x%3E/reply-all", "reply_all_to_message", "<a/b@x>"),
        ("POST", "%3Ca/b@x%3E/forward", "forward_message", "<a/b@x>"),
        ("GET", "%3Ca/b%252F@x%3E/attachments/f1", "get_message_attachment", "<a/b%2F@x>"),
        ("GET", "a/attachments/b/attachments/f1", "get_message_attachment", "a/attachments/b"),
    ],
)
def test_an_id_is_everything_before_the_longest_tail(method: str, tail: str, name: str, message_id: str) -> None:
    found = operation(method, BASE + tail)
    parameters = path_parameters(found.resource, found.path)

    assert found.name == name
    assert (parameters["inbox_id"], parameters["message_id"]) == ("a@x.io", message_id)


@pytest.mark.parametrize(
    ("method", "tail"), [("PUT", "a/b@x"), ("POST", "a/b@x/raw"), ("GET", "a/b@x/reply"), ("DELETE", "a/b/attachments/f")]
)
def test_a_known_shape_with_another_method_is_not_allowed(method: str, tail: str) -> None:
    with pytest.raises(MethodNotAllowed):
        operation(method, BASE + tail)


@pytest.mark.parametrize("tail", ["a/b@x/agent-armor/feedback", "a/b@x/agent-armor/release"])
def test_what_is_not_built_is_not_found(tail: str) -> None:
    with pytest.raises(NotFound):
        operation("POST", BASE + tail)
