from __future__ import annotations

from typing import Any

import pytest

from tests.support.contract import ContractViolation, check, find_endpoint

POD = "018f0000-0000-7000-8000-000000000001"
NOW = "2026-11-22T10:00:00.000Z"


def inbox(**changes: Any) -> dict[str, Any]:
    body = {"pod_id": POD, "inbox_id": "a@b.test", "email": "a@b.test", "updated_at": NOW, "created_at": NOW} | changes
    return {name: value for name, value in body.items() if value is not ...}


def error(code: str, name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "code": code, "message": "Something", **more}


@pytest.mark.parametrize(
    "changes", [{}, {"display_name": "A"}, {"metadata": {"a": 1, "b": "x", "c": True, "d": 1.5}}, {"status": "paused"}]
)
def test_an_answer_as_promised_passes(changes: dict[str, Any]) -> None:
    check("GET", "/v0/inboxes/a@b.test", 200, inbox(**changes))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"pod_id": ...}, "body.pod_id: missing"),
        ({"pod_id": None}, "body.pod_id: null"),
        ({"display_name": None}, "body.display_name: null"),
        ({"display_name": 5}, "is not a string"),
        ({"status": "resting"}, "is not one of"),
        ({"color": "red"}, "not a field of Inbox"),
        ({"created_at": "2026-11-22T10:00:00Z"}, "is not a datetime"),
        ({"created_at": "2026-11-22T10:00:00.000000Z"}, "is not a datetime"),
        ({"pod_id": "pod_1"}, "has another form"),
        ({"email": "A@b.test"}, "has another form"),
        ({"metadata": {"a": [1]}}, "body.metadata.a"),
        ({"metadata": {"a": None}}, "body.metadata.a"),
    ],
)
def test_a_deviation_is_named(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ContractViolation) as raised:
        check("GET", "/v0/inboxes/a@b.test", 200, inbox(**changes))

    assert complaint in str(raised.value)


def test_items_of_lists_are_checked() -> None:
    with pytest.raises(ContractViolation, match=r"inboxes\[1\]\.email: missing"):
        check("GET", "/v0/inboxes", 200, {"count": 2, "inboxes": [inbox(), inbox(email=...)]})


def test_a_boolean_is_not_an_integer() -> None:
    with pytest.raises(ContractViolation, match="is not a integer"):
        check("GET", "/v0/inboxes", 200, {"count": True, "inboxes": []})


def test_a_union_needs_one_member_to_fit() -> None:
    key = {"type": "bearer", "api_key_id": POD, "prefix": "am_abcdefgh", "name": "k", "created_at": NOW, "updated_at": NOW}

    check("GET", "/v0/api-keys", 200, {"count": 1, "api_keys": [key]})
    with pytest.raises(ContractViolation, match="type"):
        check("GET", "/v0/api-keys", 200, {"count": 1, "api_keys": [key | {"type": "secret"}]})


def test_documented_extras_are_allowed() -> None:
    answer = {"attachment_id": POD, "size": 3, "download_url": "https://x", "expires_at": NOW, "inline": False}

    check("GET", "/v0/inboxes/a@b.test/messages/%3Cm@x%3E/attachments/1", 200, answer)


def test_a_message_id_may_span_path_segments() -> None:
    found = find_endpoint("GET", "/v0/inboxes/a@b.test/messages/%3Ca/b/c@x%3E/attachments/1")

    assert found is not None
    assert found["sdk_method"] == "inboxes.messages.get_attachment"


def test_a_literal_segment_wins_over_a_parameter() -> None:
    found = find_endpoint("GET", "/v0/inboxes/search?q=x")

    assert found is not None
    assert found["response_type"] == "SearchInboxesResponse"


def test_a_deletion_answers_204_without_a_body() -> None:
    check("DELETE", "/v0/inboxes/a@b.test", 204)
    with pytest.raises(ContractViolation, match="instead of 204"):
        check("DELETE", "/v0/inboxes/a@b.test", 200, {})


def test_success_is_not_any_2xx() -> None:
    with pytest.raises(ContractViolation, match="instead of 200"):
        check("POST", "/v0/inboxes", 201, inbox())


def test_an_unknown_endpoint_cannot_succeed() -> None:
    with pytest.raises(ContractViolation, match="no such endpoint"):
        check("GET", "/v0/nothing", 200, {})


def test_the_error_envelope_passes() -> None:
    check("GET", "/v0/nothing", 404, error("not_found", "NotFoundError", fix="Look elsewhere"))
    check("POST", "/v0/inboxes", 400, error("validation_error", "ValidationError", errors=[{"path": ["a", 0], "message": "x"}]))


@pytest.mark.parametrize(
    ("status", "body", "complaint"),
    [
        (404, None, "not an object"),
        (404, {"message": "Forbidden"}, "error.code: missing"),
        (404, error("not_found", "Missing"), "named Missing"),
        (403, error("not_found", "NotFoundError"), "under status 403"),
        (404, error("gone", "NotFoundError"), "not a code"),
        (400, error("validation_error", "ValidationError"), "errors list missing"),
        (404, error("not_found", "NotFoundError", errors=[]), "errors list unexpected"),
        (400, error("validation_error", "ValidationError", errors=[{"path": "a", "message": "x"}]), "path"),
        (400, error("validation_error", "ValidationError", errors=[{"path": [], "message": ""}]), "message: empty"),
        (404, error("not_found", "NotFoundError", fix=None), "error.fix: null"),
        (404, error("not_found", "NotFoundError", requestId="1"), "not a field of error"),
        (500, error("internal_error", "InternalServerError"), "not a code"),
    ],
)
def test_a_malformed_error_is_named(status: int, body: Any, complaint: str) -> None:
    with pytest.raises(ContractViolation) as raised:
        check("GET", "/v0/inboxes", status, body)

    assert complaint in str(raised.value)
