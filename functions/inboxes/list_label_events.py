"""GET /v0/inboxes/{inbox_id}/events: which labels came and went; with `after` or `event_types`, its part of the event log"""

from __future__ import annotations

from typing import Any

from mailroom.events.listing import EventQuery, event_query, list_events
from mailroom.http.endpoint import Request, endpoint
from mailroom.http.params import Params
from mailroom.http.tokens import Paging
from mailroom.inboxes.label_events import list_label_events, list_query
from mailroom.keys.scopes import route_of
from mailroom.store import keys
from mailroom.store.port import Reads

OF_THE_LOG = {"after", "event_types", "event_types[]"}


def query(request: Request, params: Params) -> Paging | EventQuery:
    return event_query(request, params) if OF_THE_LOG & request.params.keys() else request.paging(params)


def reads(o: str, request: Request) -> Reads:
    inbox_id, asked = request.path["inbox_id"].lower(), request.query
    return Reads((keys.inbox(o, inbox_id),), (list_query(o, inbox_id, asked),) if isinstance(asked, Paging) else ())


@endpoint(permission="message_read", query=query, reads=reads)
def handler(request: Request) -> dict[str, Any]:
    asked: Paging | EventQuery = request.query
    if isinstance(asked, EventQuery):
        return list_events(request.caller, route_of(request.path), asked, request.runtime, items=request.items)
    return list_label_events(request.caller, request.path["inbox_id"], asked, items=request.items)
