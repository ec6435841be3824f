"""Opening a connection: the credential, from wherever the client could put it, and a place in the books."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from mailroom import log
from mailroom.callers import Caller
from mailroom.errors import (
    InternalError,
    MailroomError,
    MissingAuthorization,
    OrganizationSuspended,
    RateLimited,
    ServiceUnavailable,
    UnknownApiKey,
)
from mailroom.http.answers import Answer, error_response
from mailroom.keys.credentials import bearer_value, caller_of, is_session_token, note_use, secret_hash
from mailroom.keys.standing import Session, session_caller
from mailroom.runtime import Runtime
from mailroom.sockets.record import forget, load, new_connection, registration
from mailroom.store import keys
from mailroom.store.port import Item, ItemStore, Key, Query, Reads, StoreBusy

MAX_PER_KEY = 1000


class Credential(NamedTuple):
    caller: Caller
    api_key_id: str
    row: Item
    session: Session | None


def answer_connect(event: Mapping[str, Any], runtime: Runtime) -> Answer:
    """What the gateway opens the connection for, or refuses the upgrade with."""
    request_id = event["requestContext"]["requestId"]
    try:
        connect(event, runtime)
    except MailroomError as error:
        return error_response(error, request_id, runtime.config.docs_url)
    except StoreBusy:
        return error_response(ServiceUnavailable(retry_after=1), request_id, runtime.config.docs_url)
    except Exception:  # noqa: BLE001 - any failure is an answer in our envelope
        log.logger.exception("connect failed")
        return error_response(InternalError(), request_id, runtime.config.docs_url)
    return {"statusCode": 200}


def connect(event: Mapping[str, Any], runtime: Runtime) -> None:
    """Takes a connection in. Raises Unauthorized and its subclasses, OrganizationSuspended, RateLimited."""
    items, now = runtime.items, runtime.clock()
    credential = authenticate(_value(event), runtime, now)
    caller, api_key_id, row, session = credential
    record = new_connection(caller, event["requestContext"]["connectionId"], api_key_id, session, now)
    items.write(registration(record))
    # Read after the connection is in the books: what befalls the key from now on finds it there.
    key = Key.of("core", row)
    of_key = Query("eph", keys.connections_of_key(caller.organization_id, api_key_id), MAX_PER_KEY + 1)
    fetched = items.fetch(Reads((key,), (of_key,)))
    try:
        if key not in fetched.items:
            raise UnknownApiKey(fix="Check the key, or create a new one.")
        if "suspended" in fetched.items[key]:
            raise OrganizationSuspended
        _require_room(fetched.pages[of_key], now)
    except (UnknownApiKey, OrganizationSuspended, RateLimited):
        forget(record, items=items)
        raise
    note_use(row, now, items=items)


def authenticate(value: str, runtime: Runtime, now: int) -> Credential:
    """Raises Unauthorized and its subclasses, OrganizationSuspended."""
    if is_session_token(value):
        return _session(value, runtime, now)
    row = runtime.items.get(keys.api_key_secret(secret_hash(value)))
    caller = caller_of(row, now)
    assert row is not None
    assert caller.api_key_id is not None
    return Credential(caller, caller.api_key_id, row, None)


def _session(value: str, runtime: Runtime, now: int) -> Credential:
    # Most connections bring a key, and need no library for tokens.
    from mailroom.keys.sessions import read_session
    from mailroom.secret import signing_key

    session = read_session(value, secret=signing_key(runtime), now=now)
    row = runtime.items.get(keys.api_key_record(session.organization_id, session.api_key_id))
    caller = session_caller(session, row, now)
    assert row is not None
    return Credential(caller, session.api_key_id, row, session)


def _value(event: Mapping[str, Any]) -> str:
    """The first of header, `api_key` and `auth_token` that is there decides. Raises MissingAuthorization."""
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    if "authorization" in headers:
        return bearer_value(headers["authorization"])
    query = event.get("queryStringParameters") or {}
    for name in ("api_key", "auth_token"):
        if query.get(name):
            return str(query[name])
    raise MissingAuthorization(
        "No credential was sent", fix="Send the header `Authorization: Bearer <API key>`, or the key as query parameter `api_key`."
    )


def _require_room(connections: list[Item], now: int) -> None:
    """Raises RateLimited. Rows that outlived their connection do not count once they have expired."""
    if sum(1 for row in connections if row["ttl"] > now // 1000) > MAX_PER_KEY:
        raise RateLimited(
            f"At most {MAX_PER_KEY} connections per key", retry_after=60, fix="Close connections, or use a further API key."
        )


def disconnect(connection_id: str, *, items: ItemStore) -> None:
    record = load(connection_id, items=items)
    if record is not None:
        forget(record, items=items)
