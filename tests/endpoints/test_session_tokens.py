"""Session tokens: what they open, what they may do, and what ends them (spec: organizations-auth-apikeys.md, "Credentials")."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from mailroom.keys import sessions
from mailroom.secret import signing_key
from mailroom.store.port import Key
from tests.support.identity import key, other_organization
from tests.support.socket import refusal, socket
from tests.support.stacks import Mailbox, Strict


def minted(http: Strict, **body: Any) -> str:
    return str(http.post("/auth/token", body).json()["token"])


def claims(token: str) -> dict[str, Any]:
    return dict(jwt.decode(token, options={"verify_signature": False}))


def forged(stack: Mailbox, token: str, *, secret: bytes | None = None, algorithm: str = "HS256", **changed: Any) -> str:
    """The token's claims, changed, signed as this deployment does unless told otherwise."""
    key = sessions._key(secret or signing_key(stack.runtime))
    wanted = {name: value for name, value in {**claims(token), **changed}.items() if value is not None}
    return jwt.encode(wanted, key, algorithm)


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_a_token_lives_for_fifteen_minutes_unless_told_otherwise(stack: Mailbox) -> None:
    default, short = claims(minted(stack.http)), claims(minted(stack.http, ttl_seconds=60))

    assert default["exp"] - default["iat"] == 900
    assert short["exp"] - short["iat"] == 60


@pytest.mark.parametrize("ttl", [59, 3601, 0, -1, "900", 900.0, True])
def test_a_life_out_of_bounds_is_refused(stack: Mailbox, ttl: Any) -> None:
    answer = stack.http.post("/auth/token", {"ttl_seconds": ttl})

    assert code(answer) == (400, "validation_error")


def test_a_token_says_what_the_key_may_do(stack: Mailbox, inbox: str) -> None:
    restricted = stack.strict(key(stack, {"message_read": True}, inbox_id=inbox)["api_key"])

    said = claims(minted(restricted))

    assert (said["scope_type"], said["scope_id"], said["permissions"]) == ("inbox", inbox, ["message_read"])
    assert "permissions" not in claims(minted(stack.http))


def test_a_token_ends_no_later_than_its_key(stack: Mailbox) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=120)
    ending = stack.strict(key(stack, expires_at=soon.isoformat())["api_key"])

    assert claims(minted(ending, ttl_seconds=3600))["exp"] == int(soon.timestamp())


def test_a_token_opens_endpoints_and_shows_no_key(stack: Mailbox) -> None:
    session = stack.strict(minted(stack.http))

    identity = session.get("/auth/me").json()

    assert identity == {name: value for name, value in stack.http.get("/auth/me").json().items() if name != "api_key_id"}
    assert session.get("/inboxes").status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/auth/token"), ("POST", "/api-keys"), ("PATCH", "/api-keys/x"), ("DELETE", "/api-keys/x")],
)
def test_where_a_key_is_required_a_token_is_of_the_wrong_type(stack: Mailbox, method: str, path: str) -> None:
    session = stack.strict(minted(stack.http))

    assert code(session.request(method, path)) == (401, "invalid_token_type")


def test_a_token_opens_a_socket(stack: Mailbox) -> None:
    token = minted(stack.http)

    with socket(stack.backend.ws, token) as first, socket(stack.backend.ws, auth_token=token) as second:
        assert first.subscribe() == second.subscribe() == {"type": "subscribed"}


def test_a_token_may_do_no_more_than_its_key_may_now(stack: Mailbox) -> None:
    made = key(stack, {"message_read": True, "inbox_read": True})
    session = stack.strict(minted(stack.strict(made["api_key"])))
    assert session.get("/inboxes").status_code == 200

    stack.http.patch(f"/api-keys/{made['api_key_id']}", {"permissions": {"message_read": True}})

    assert code(session.get("/inboxes")) == (403, "missing_permission")


def test_a_token_gains_nothing_when_its_key_does(stack: Mailbox) -> None:
    made = key(stack, {"message_read": True})
    session = stack.strict(minted(stack.strict(made["api_key"])))

    stack.http.patch(f"/api-keys/{made['api_key_id']}", {"permissions": None})

    assert code(session.get("/inboxes")) == (403, "missing_permission")


def test_a_token_dies_with_its_key(stack: Mailbox) -> None:
    made = key(stack)
    token = minted(stack.strict(made["api_key"]))

    with socket(stack.backend.ws, token) as opened:
        opened.subscribe()
        stack.http.delete(f"/api-keys/{made['api_key_id']}")

        assert code(stack.strict(token).get("/inboxes")) == (401, "unauthorized")
        assert refusal(stack.backend.ws, token)[1]["code"] == "unauthorized"
        assert opened.closed() == 1008


def test_the_use_of_a_token_is_the_use_of_its_key(stack: Mailbox) -> None:
    made = key(stack)
    token = minted(stack.strict(made["api_key"]))
    record = Key("core", stack.http.get("/auth/me").json()["organization_id"], f"AK#{made['api_key_id']}")
    row = stack.runtime.items.get(record)
    assert row is not None
    stack.runtime.items.put(record, {**row, "used_at": 1})

    stack.strict(token).get("/inboxes")

    after = stack.runtime.items.get(record)
    assert after is not None
    assert after["used_at"] > 1


@pytest.mark.filterwarnings("ignore:The HMAC key")
@pytest.mark.parametrize(
    "flaw",
    [
        {"secret": b"x" * 32},
        {"algorithm": "HS512"},
        {"iss": "other"},
        {"iss": None},
        {"exp": 1},
        {"exp": None},
        {"sub": None},
        {"sub": "unknown"},
        {"scope_type": "pod"},
        {"scope_id": "other"},
        {"scope_id": None},
    ],
)
def test_a_token_with_a_flaw_is_none(stack: Mailbox, flaw: dict[str, Any]) -> None:
    token = forged(stack, minted(stack.http), **flaw)

    assert code(stack.strict(token).get("/inboxes")) == (401, "unauthorized")
    assert refusal(stack.backend.ws, api_key=token)[0] == 401


def test_a_token_without_a_signature_is_none(stack: Mailbox) -> None:
    said = claims(minted(stack.http))
    unsigned = jwt.encode(said, None, "none")
    _, body, signature = minted(stack.http).split(".")
    head = base64.urlsafe_b64encode(json.dumps({"alg": "none"}).encode()).decode().rstrip("=")

    for token in (unsigned, f"{head}.{body}.{signature}", f"{head}.{body}.", "a.b.c", "..", "é.b.c"):
        assert refusal(stack.backend.ws, api_key=token)[1]["code"] == "unauthorized"
    assert code(stack.strict(unsigned).get("/inboxes")) == (401, "unauthorized")


def test_a_token_for_another_organization_finds_no_key_there(stack: Mailbox) -> None:
    stranger = other_organization(stack)
    o = stranger.get("/auth/me").json()["organization_id"]

    token = forged(stack, minted(stack.http), organization_id=o)

    assert code(stack.strict(token).get("/inboxes")) == (401, "unauthorized")


def test_a_token_whose_head_is_nested_without_end_is_none(stack: Mailbox) -> None:
    head = base64.urlsafe_b64encode(b"[" * 20_000).decode().rstrip("=")

    assert code(stack.strict(f"{head}.b.c").get("/inboxes")) == (401, "unauthorized")
