"""The endpoint decorator: everything that all endpoints do, in the order of spec/errors.md ("Order of evaluation")."""

from __future__ import annotations

import base64
import functools
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mailroom import log
from mailroom.callers import Caller
from mailroom.errors import (
    Forbidden,
    InternalError,
    MailroomError,
    NotFound,
    PayloadTooLarge,
    RateLimited,
    ServiceUnavailable,
    Unprocessable,
    ValidationError,
)
from mailroom.http.answers import Answer, error_response, success
from mailroom.http.named import inbox_named, pod_named, pod_reads
from mailroom.http.params import Params
from mailroom.http.paths import path_parameters
from mailroom.http.tokens import Paging, read_paging
from mailroom.keys.credentials import bearer_value, caller_of, is_session_token, note_use, require_key, secret_hash
from mailroom.runtime import Runtime, current, warm_up
from mailroom.secret import signing_key
from mailroom.store import keys
from mailroom.store.meter import metered
from mailroom.store.port import Item, ItemTooLarge, Key, Reads, StoreBusy
from mailroom.store.prefetch import PrefetchedStore

if TYPE_CHECKING:
    # Endpoints without a body need no validator.
    from mailroom.http.body import Body

Event = Mapping[str, Any]


@dataclass(slots=True)
class Request:
    """What a handler works with. `query` and `body` are what the endpoint's declarations made of them."""

    event: Event
    request_id: str
    runtime: Runtime
    items: PrefetchedStore
    path: dict[str, str]
    params: dict[str, list[str]]
    headers: dict[str, str]
    """Names in lower case."""
    caller: Caller = None  # type: ignore[assignment]  # set before any handler or reader of it runs
    credential: Item | None = None
    """The row of the API key."""
    grant: Any = None
    """What a credential of another kind stands for, besides its caller."""
    query: Any = None
    page: Paging | None = None
    _body: Body[Any] | None = None
    _json: dict[str, Any] | None = None

    def body(self) -> Any:
        """The checked body. Raises ValidationError."""
        assert self._body is not None
        return self._body.check(self.json())

    def json(self) -> dict[str, Any]:
        """The body as it was sent, decoded once. Raises ValidationError where it is no JSON object."""
        if self._json is None:
            from mailroom.http.body import decode

            self._json = decode(self.raw_body())
        return self._json

    def raw_body(self) -> bytes:
        body = self.event.get("body") or ""
        return base64.b64decode(body) if self.event.get("isBase64Encoded") else body.encode("utf-8", "surrogatepass")

    def paging(self, params: Params, *context: Any, default: int = 50, maximum: int = 100) -> Paging:
        """`context`: what names this list apart from endpoint, path and order, usually its filters."""
        bound = (self.event["resource"], sorted(self.path.items()), *context)
        self.page = read_paging(params, key=lambda: signing_key(self.runtime), context=bound, default=default, maximum=maximum)
        return self.page


Authenticate = Callable[[Request], Caller]
"""Whom a credential of another kind than an API key stands for; sets `request.grant` as it needs. Raises Unauthorized."""
Gate = Callable[[Request], None]
"""Whether an endpoint that asks for no credential takes the request now. Raises Forbidden, RateLimited."""
Handler = Callable[[Event, Any], Answer]
Query = Callable[[Request, Params], Any]
Prefetch = Callable[[str, Request], Reads]
"""(organization id, request) -> what the endpoint will read first. `request.query` is set where it could be parsed."""


def endpoint(
    *,
    permission: str | Sequence[str] | None,
    body: Body[Any] | None = None,
    query: Query | None = None,
    reads: Prefetch | None = None,
    key_required: bool = False,
    authenticate: Authenticate | None = None,
    gate: Gate | None = None,
) -> Callable[[Callable[[Request], Any]], Handler]:
    """Wraps `(Request) -> JSON value | None` (or one of the other kinds of `http.answers`) into a Lambda handler. Without
    `authenticate` it takes API keys and session tokens (or, where a `key_required`, keys only); with a `gate`, it asks for none,
    and its requests have no caller.

    The body is checked by `request.body()`, which services that must find their target first call late (spec: messages.md,
    "Order of checks"); all others get it from the handler's first line.
    """
    permissions = (permission,) if isinstance(permission, str) else tuple(permission or ())
    identify = authenticate or functools.partial(_authenticate, reads=reads, key_required=key_required)

    warm_up()

    def wrap(function: Callable[[Request], Any]) -> Handler:
        @functools.wraps(function)
        def handler(event: Event, context: Any = None) -> Answer:
            started = time.perf_counter()
            runtime = current()
            request = _request(event, runtime, body)
            error: MailroomError | None = None
            with metered(units=False) as meter:
                try:
                    value = _answer(request, function, permissions, query, identify, gate)
                    answer = success(value, request.request_id)
                except Exception as raised:  # noqa: BLE001 - the one place where any failure becomes an answer
                    error = _mapped(raised)
                    answer = error_response(error, request.request_id, runtime.config.docs_url)
            caller: Caller | None = request.caller
            log.request(
                f"{event.get('httpMethod')} {event.get('resource')}",
                answer["statusCode"],
                started,
                request_id=request.request_id,
                organization_id=caller.organization_id if caller else None,
                trips=meter.trips,
                code=error.code if error else None,
            )
            return answer

        return handler

    return wrap


def _request(event: Event, runtime: Runtime, body: Body[Any] | None) -> Request:
    context = event.get("requestContext") or {}
    return Request(
        event=event,
        request_id=context.get("requestId") or str(uuid.uuid4()),
        runtime=runtime,
        items=PrefetchedStore(runtime.items),
        path=path_parameters(event["resource"], event["path"], event.get("pathParameters")),
        params=event.get("multiValueQueryStringParameters") or {},
        headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
        _body=body,
    )


def _answer(
    request: Request,
    function: Callable[[Request], Any],
    permissions: tuple[str, ...],
    query: Query | None,
    identify: Authenticate,
    gate: Gate | None,
) -> Any:
    limit = request.runtime.config.max_body_bytes
    encoded = limit * 4 // 3 if request.event.get("isBase64Encoded") else limit
    if len(request.event.get("body") or "") > encoded:
        raise PayloadTooLarge
    malformed = _read_query(request, query)
    if gate is None:
        _admit(request, permissions, identify)
    else:
        gate(request)
    if malformed:
        raise malformed
    if request.page is not None:
        request.page.bind(f"{request.caller.organization_id} {request.caller.scope_id}")
    value = function(request)
    if request.credential is not None:
        note_use(request.credential, request.runtime.clock(), items=request.runtime.items)
    return value


def anybody(_: Request) -> None:
    """The gate of an endpoint that answers everybody alike."""


def _admit(request: Request, permissions: tuple[str, ...], identify: Authenticate) -> None:
    request.caller = identify(request)
    if not request.runtime.limiter.allow(request.caller.organization_id, request.runtime.clock()):
        raise RateLimited(retry_after=1, fix="Slow down, or spread the requests.")
    _check_scope(request)
    request.caller.require(*permissions)


def _read_query(request: Request, query: Query | None) -> ValidationError | None:
    """Parsed before the credential, because the prefetch needs it; reported after it."""
    if query is None:
        return None
    params = Params(request.params)
    try:
        request.query = query(request, params)
        params.finish()
    except ValidationError as error:
        request.query = None
        return error
    return None


def _authenticate(request: Request, reads: Prefetch | None, key_required: bool) -> Caller:
    value = bearer_value(request.headers.get("authorization"))
    if key_required:
        require_key(value)
    identify = _session_caller if is_session_token(value) else _key_caller
    return identify(request, value, reads)


def _key_caller(request: Request, value: str, reads: Prefetch | None) -> Caller:
    """The key's row is read together with the data. Which organization it belongs to never changes, so a process may remember that
    much of it; whether it is still valid is read each time."""
    hashed = secret_hash(value)
    known = request.runtime.hints.get(hashed)
    row = _credential(request, keys.api_key_secret(hashed), known, reads)
    caller = caller_of(row, request.runtime.clock())
    if known is None:
        request.runtime.remember(hashed, caller.organization_id)
    return caller


def _session_caller(request: Request, value: str, reads: Prefetch | None) -> Caller:
    # Most requests carry a key, and need no library for tokens.
    from mailroom.keys.sessions import read_session
    from mailroom.keys.standing import session_caller

    now = request.runtime.clock()
    session = read_session(value, secret=signing_key(request.runtime), now=now)
    record = keys.api_key_record(session.organization_id, session.api_key_id)
    return session_caller(session, _credential(request, record, session.organization_id, reads), now)


def _credential(request: Request, key: Key, known: str | None, reads: Prefetch | None) -> Item | None:
    """The credential's row, read in one trip with what the endpoint will need where its organization is known."""
    wanted = reads(known, request) if known and reads else Reads()
    pod = pod_reads(known, request.path) if known else ()
    request.items.prefetch(Reads((key, *pod, *wanted.keys), wanted.queries))
    request.credential = request.items.get(key)
    return request.credential


def _check_scope(request: Request) -> None:
    """What the path alone tells; whether the resource exists is the service's question (spec: "Scope rules")."""
    caller, path = request.caller, request.path
    if "pod_id" in path:
        if caller.scope_type == "inbox":
            raise Forbidden(fix="Use a key of pod or organization scope.")
        if path["pod_id"] != caller.pod_id:
            path["pod_id"] = pod_named(caller.organization_id, path["pod_id"], items=request.items)
        if caller.scope_type == "pod" and path["pod_id"] != caller.pod_id:
            raise NotFound
    if "inbox_id" in path:
        path["inbox_id"] = inbox_named(caller.organization_id, path["inbox_id"], items=request.items)
        if caller.scope_type == "inbox" and path["inbox_id"] != caller.inbox_id:
            raise NotFound


def _mapped(raised: Exception) -> MailroomError:
    """What a caller is told about any failure; detail goes to the log only."""
    if isinstance(raised, MailroomError):
        return raised
    if isinstance(raised, StoreBusy):
        return ServiceUnavailable(retry_after=1)
    if isinstance(raised, ItemTooLarge):
        return Unprocessable("The resource would grow beyond what can be stored", fix="Remove labels or shorten the content.")
    log.logger.exception("request failed")
    return ServiceUnavailable(retry_after=1) if isinstance(raised, OSError) else InternalError()
