"""The sample events under events/, one or more per function: `python -m tests.sample_events` writes them anew.

They work with `sam local invoke` and, unchanged, in a test against a stack that has the key, the inbox and the mail named here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from local.template import Function, Route, load
from mailroom import ids
from mailroom.aws.stream_records import record_of
from mailroom.events import types
from mailroom.store import keys
from mailroom.store.port import ChangeRecord, Key

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "events"
API_KEY = "am_" + "Sample0000" * 4 + "Sample00"
POLLING_TOKEN = "poll_" + "Sample0000" * 4 + "Sample00"
INBOX = "agent@mailroom.local"
MESSAGE = "<sample-1@example.com>"
IDENTITY = "0190a6c0-5a00-7000-8000-000000000001"
WEBHOOK = "ep_0190a6c05a0070008000000000000001"
EVENT = "evt_0190a6c05a007000800000000000000a"
DOMAIN = "mail.sample.example"
PATH_VALUES = {
    "domain_id": DOMAIN,
    "inbox_id": INBOX,
    "message_id": MESSAGE,
    "thread_id": IDENTITY,
    "draft_id": IDENTITY,
    "attachment_id": IDENTITY,
    "api_key_id": IDENTITY,
    "pod_id": IDENTITY,
    "webhook_id": WEBHOOK,
    "event_id": EVENT,
    "direction": "receive",
    "type": "block",
    "entry": "spam.example.com",
    "proxy": "slash@example.com>",
    "token": "c2FtcGxlLXRva2VuLW9mLWEtcGl4ZWwtdGhhdC1pcy1ub25l",
}
JWK = {
    "kty": "EC",
    "crv": "P-256",
    "x": "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY",
    "y": "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU",
}
"""The base point of P-256: a public key that is everybody's."""
TIME = "2026-01-01T12:00:00.000Z"
TIME_MS = 1_767_268_800_000
SES_ID = "sample0000000000000000000000000000000001"
BUCKET = "mailroom-sample"


@dataclass(frozen=True, slots=True)
class Case:
    """What a route's event says beyond the route."""

    name: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    credential: str = API_KEY


CASES: Mapping[str, tuple[Case, ...]] = {
    "sign_up_agent": (
        Case(body={"username": "scout", "human_email": "ann@example.com", "source": "sample"}),
        Case("without_human", body={"username": "scout-2"}),
    ),
    "attach_human": (Case(body={"human_email": "ann@example.com"}),),
    "verify_agent": (Case(body={"otp_code": "123456"}),),
    "create_session_token": (Case(body={"ttl_seconds": 300}),),
    "list_pods": (Case(), Case("page", query={"limit": "10", "ascending": "true"})),
    "create_pod": (Case(body={"name": "Customer 17", "client_id": "customer-17", "description": "Sample"}), Case("without_body")),
    "create_api_key": (
        Case(body={"name": "sample", "permissions": {"message_read": True, "message_send": True}}),
        Case("public", body={"public_key": JWK, "client_id": "sample"}),
    ),
    "update_api_key": (Case(body={"name": "renamed"}),),
    "join_labs": (Case(body={}),),
    "create_inbox": (
        Case(body={"username": "sample", "display_name": "Sample"}),
        Case("without_body"),
    ),
    "list_inboxes": (Case(), Case("page", query={"limit": "10", "ascending": "true"})),
    "search_inboxes": (Case(query={"q": "mailroom"}), Case("page", query={"q": "support team", "limit": "10"})),
    "update_inbox": (Case(body={"display_name": "Renamed"}),),
    "create_domain": (
        Case(body={"domain": DOMAIN, "feedback_enabled": True, "client_id": "sample"}),
        Case("subdomains", body={"domain": "agents.sample.example", "subdomains_enabled": True, "tracking_enabled": True}),
    ),
    "list_domains": (Case(), Case("page", query={"limit": "10", "ascending": "true"})),
    "update_domain": (Case(body={"feedback_enabled": False, "subdomains_enabled": True}),),
    "list_list_entries": (Case(), Case("page", query={"limit": "10"})),
    "create_list_entry": (Case(body={"entry": "spam.example.com", "reason": "unwanted"}),),
    "list_messages": (
        Case(),
        Case("filtered", query={"labels": '["unread"]', "after": "2025-01-01T00:00:00Z", "include_spam": "true", "limit": "20"}),
    ),
    "batch_get_messages": (Case(body={"message_ids": [MESSAGE]}),),
    "batch_update_messages": (Case(body={"message_ids": [MESSAGE], "add_labels": ["done"]}),),
    "send_message": (
        Case(body={"to": "ann@example.com", "subject": "Hello", "text": "Hello Ann", "html": "<p>Hello Ann</p>"}),
        Case(
            "attachment",
            body={
                "to": ["Ann <ann@example.com>"],
                "subject": "Invoice",
                "text": "See the file.",
                "attachments": [{"filename": "invoice.txt", "content_type": "text/plain", "content": "VG90YWw6IDEwCg=="}],
            },
        ),
    ),
    "update_message": (Case(body={"add_labels": ["done"], "remove_labels": ["unread"]}),),
    "forward_message": (Case(body={"to": ["bob@example.com"], "text": "For you."}),),
    "reply_to_message": (Case(body={"text": "Thank you."}), Case("all", body={"text": "Thank you.", "reply_all": True})),
    "reply_all_to_message": (Case(body={"text": "Thank you all."}),),
    "route_message_path": (Case(body={"text": "Thank you.", "add_labels": ["done"]}),),
    "list_threads": (Case(), Case("filtered", query={"labels": '["unread"]'})),
    "list_drafts": (Case(), Case("scheduled", query={"labels": '["scheduled"]', "limit": "10"})),
    "create_draft": (
        Case(body={"to": ["ann@example.com"], "subject": "Hello", "text": "Hello Ann", "client_id": "sample"}),
        Case("reply", body={"in_reply_to": MESSAGE, "text": "Any news?", "cancel_on": "reply"}),
        Case("empty"),
    ),
    "update_draft": (Case(body={"text": "Hello again", "cc": None, "add_labels": ["reviewed"]}),),
    "send_draft": (Case(body={"add_labels": ["approved"]}),),
    "create_webhook": (Case(body={"url": "https://example.com/hook", "event_types": ["message.received"], "client_id": "sample"}),),
    "list_webhooks": (Case(), Case("page", query={"limit": "10", "ascending": "true"})),
    "update_webhook": (Case(body={"event_types": ["message.received", "message.bounced"], "enabled": True}),),
    "update_webhook_headers": (Case(body={"headers": {"Authorization": "Bearer sample"}, "remove_headers": ["X-Old"]}),),
    "list_events": (Case(), Case("after", query={"after": "0", "event_types": '["message.received"]', "limit": "10"})),
    "list_label_events": (Case(), Case("log", query={"event_types": "message.received"})),
    "list_webhook_deliveries": (Case(), Case("failed", query={"status": "failed", "limit": "10"})),
    "create_polling_webhook": (Case(body={"client_id": "sample", "event_types": ["message.received"]}),),
    "read_polled_events": (Case(query={"limit": "10"}, credential=POLLING_TOKEN),),
    "update_thread": (Case(body={"add_labels": ["done"]}),),
}


def sample_events() -> dict[Path, Any]:
    """Path below events/ -> event, for every function of the template."""
    template = load(ROOT / "template.yaml")
    events: dict[Path, Any] = {}
    for function in {route.function for route in template.routes}:
        routes = [route for route in template.routes if route.function == function]
        for position, route in enumerate(routes):
            for case in CASES.get(_name(function), (Case(),)):
                if position == 0 or not case.name:
                    events[_path(function, _suffix(route, position), case.name)] = api_event(route, case)
    return events | {Path(path): event for path, event in _worker_events()}


def _suffix(route: Route, position: int) -> str:
    """Further routes of a function are told apart by method or by scope."""
    if position == 0:
        return ""
    if "{proxy+}" in route.path:
        return route.method.lower()
    return "pod" if "{pod_id}" in route.path else "inbox"


def _name(function: Function) -> str:
    return function.module.rsplit(".", 1)[1]


def _path(function: Function, *parts: str) -> Path:
    _, room, name = function.module.split(".")
    return Path(room) / ("_".join([name, *(part for part in parts if part)]) + ".json")


def api_event(route: Route, case: Case) -> dict[str, Any]:
    """A proxy event as API Gateway sends it for a call of the Python SDK."""
    values = {name: value for name, value in PATH_VALUES.items() if f"{{{name}}}" in route.path or f"{{{name}+}}" in route.path}
    if "proxy" in values:
        values["message_id"] = "<with"
        if route.method == "POST":
            values["proxy"] += "/reply"
    path = route.path.replace("{proxy+}", "{proxy}")
    for name, value in values.items():
        path = path.replace(f"{{{name}}}", quote(value, safe="@+=/"))
    method = "POST" if route.method == "ANY" else route.method
    body = None if case.body is None or method in ("GET", "DELETE") else json.dumps(case.body)
    headers = _headers(body, case.credential)
    return {
        "resource": route.path,
        "path": path,
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": dict(case.query) or None,
        "multiValueQueryStringParameters": {name: [value] for name, value in case.query.items()} or None,
        "pathParameters": values or None,
        "stageVariables": None,
        "requestContext": _context(route, path, case),
        "body": body,
        "isBase64Encoded": False,
    }


def _headers(body: str | None, credential: str) -> dict[str, str]:
    content = {} if body is None else {"Content-Type": "application/json"}
    return {"Authorization": f"Bearer {credential}", "Host": "sample.execute-api.us-east-1.amazonaws.com", **content}


def _context(route: Route, path: str, case: Case) -> dict[str, Any]:
    return {
        "accountId": "123456789012",
        "apiId": "sample",
        "stage": "v0",
        "protocol": "HTTP/1.1",
        "httpMethod": "POST" if route.method == "ANY" else route.method,
        "resourcePath": route.path,
        "path": f"/v0{path}",
        "requestId": "00000000-0000-4000-8000-000000000000",
        "requestTime": "01/Jan/2026:12:00:00 +0000",
        "requestTimeEpoch": TIME_MS,
        "domainName": "sample.execute-api.us-east-1.amazonaws.com",
        "identity": {"sourceIp": "192.0.2.1", "userAgent": "agentmail/2.0.18"},
        **({"queryString": urlencode(case.query)} if case.query else {}),
    }


def _worker_events() -> Iterator[tuple[str, Any]]:
    yield "organizations/create_organization.json", {}
    yield "organizations/create_organization_key.json", {"api_key": "am_" + "Another000" * 4 + "Another0"}
    yield "inbound/receive_mail.json", _queue_event("InboundQueue", _enveloped("InboundTopic", received_notice()))
    yield "inbound/receive_mail_without_envelope.json", _queue_event("InboundQueue", received_notice())
    gone = {"organization_id": IDENTITY, "inbox_id": "gone@mailroom.local"}
    yield "organizations/purge_deleted.json", _queue_event("PurgeQueue", gone)
    yield "organizations/purge_deleted_pod.json", _queue_event("PurgeQueue", {"organization_id": IDENTITY, "pod_id": IDENTITY})
    attempt = {"organization_id": IDENTITY, "webhook_id": WEBHOOK, "event_id": EVENT, "attempt": 1}
    yield "webhooks/deliver_webhook.json", _queue_event("DeliveriesQueue", attempt)
    firing = {"organization_id": IDENTITY, "inbox_id": INBOX, "draft_id": IDENTITY, "timer": TIME_MS, "set_at": TIME_MS}
    yield "drafts/send_due_draft.json", _queue_event("DraftsQueue", firing)
    yield "drafts/sweep_drafts.json", _tick()
    checking = {"organization_id": IDENTITY, "domain": DOMAIN}
    yield "domains/check_domain.json", _queue_event("DomainsQueue", checking)
    yield "domains/check_domain_by_timer.json", _queue_event("DomainsQueue", checking | {"timer": TIME_MS})
    yield "domains/check_domain_remove.json", _queue_event("DomainsQueue", checking | {"remove": True})
    yield "domains/sweep_domains.json", _tick()
    yield "outbound/note_provider_event.json", _queue_event("NoticesQueue", _enveloped("NoticesTopic", sent_notice()))
    for kind, (name, details) in NOTICES.items():
        file = f"outbound/note_provider_event_{kind.lower()}.json"
        yield file, _queue_event("NoticesQueue", _enveloped("NoticesTopic", sent_notice() | {"eventType": kind, name: details}))
    yield "index/follow_changes.json", {"Records": [_inserted_message()]}
    yield "events/sequence_events.json", {"Records": [_new_event()]}
    yield "events/publish_events.json", {"Records": [_new_page()]}
    yield "messages/repair_sends.json", _tick()
    yield "sockets/connect_socket.json", _connect()
    yield "sockets/receive_frame.json", _frame({"type": "subscribe", "inbox_ids": [INBOX]})
    yield "sockets/receive_frame_after.json", _frame({"type": "subscribe", "event_types": [types.RECEIVED], "after": 0})
    yield (
        "sockets/disconnect_socket.json",
        {"requestContext": _socket_context("$disconnect", "DISCONNECT"), "isBase64Encoded": False},
    )
    yield "sockets/keep_sockets_alive.json", _tick()
    yield "sockets/close_revoked_sockets.json", {"Records": [_deleted_credential()]}


def _connect() -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {API_KEY}", "Host": "sample.execute-api.us-east-1.amazonaws.com"}
    return {
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "requestContext": _socket_context("$connect", "CONNECT"),
        "isBase64Encoded": False,
    }


def _frame(frame: Mapping[str, Any]) -> dict[str, Any]:
    context = {**_socket_context("$default", "MESSAGE"), "messageId": "sample"}
    return {"requestContext": context, "body": json.dumps(frame), "isBase64Encoded": False}


def _socket_context(route: str, kind: str) -> dict[str, Any]:
    return {
        "routeKey": route,
        "eventType": kind,
        "connectionId": "sampleSocket=",
        "connectedAt": TIME_MS,
        "requestTimeEpoch": TIME_MS,
        "requestId": "44444444-4444-4444-8444-444444444444",
        "messageDirection": "IN",
        "stage": "v0",
        "apiId": "sample",
        "domainName": "sample.execute-api.us-east-1.amazonaws.com",
        "identity": {"sourceIp": "192.0.2.1"},
    }


def _deleted_credential() -> dict[str, Any]:
    key = keys.api_key_secret("0" * 64)
    row = {"pk": key.pk, "sk": key.sk, "api_key_id": IDENTITY, "organization_id": IDENTITY}
    image = {**row, "scope_type": "organization", "scope_id": IDENTITY}
    return record_of(ChangeRecord("100000000000000000003", "core", key, image, None))


def _event_pointer() -> dict[str, Any]:
    event_id = ids.event_id(TIME_MS, IDENTITY, "sample")
    key = keys.event(IDENTITY, INBOX, types.SENT, TIME_MS, event_id)
    where = {"pk": key.pk, "sk": key.sk, "pod_id": IDENTITY, "inbox_id": INBOX}
    return {"event_id": event_id, "event_type": types.SENT, "ts": TIME_MS, **where}


def _new_event() -> dict[str, Any]:
    pointer = _event_pointer()
    sent = {"organization_id": IDENTITY, "thread_id": IDENTITY, "message_id": MESSAGE}
    row = {**pointer, **sent, "payload": {"recipients": ["ann@example.com"]}}
    return record_of(ChangeRecord("100000000000000000001", "ev", Key("ev", pointer["pk"], pointer["sk"]), None, row))


def _new_page() -> dict[str, Any]:
    key = keys.log_page(IDENTITY, 1)
    row = {"pk": key.pk, "sk": key.sk, "organization_id": IDENTITY, "page": 1, "ts": TIME_MS, "before": 0}
    return record_of(ChangeRecord("100000000000000000002", "ev", key, None, {**row, "events": [_event_pointer()]}))


def _queue_event(queue: str, body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "Records": [
            {
                "messageId": "11111111-1111-4111-8111-111111111111",
                "receiptHandle": "sample",
                "body": json.dumps(body),
                "attributes": {
                    "ApproximateReceiveCount": "1",
                    "SentTimestamp": str(TIME_MS),
                    "SenderId": "AIDASAMPLE",
                    "ApproximateFirstReceiveTimestamp": str(TIME_MS),
                },
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:us-east-1:123456789012:mailroom-{queue}",
                "awsRegion": "us-east-1",
            }
        ]
    }


def _enveloped(topic: str, message: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "Type": "Notification",
        "MessageId": "22222222-2222-4222-8222-222222222222",
        "TopicArn": f"arn:aws:sns:us-east-1:123456789012:mailroom-{topic}",
        "Message": json.dumps(message),
        "Timestamp": TIME,
    }


def received_notice() -> dict[str, Any]:
    verdicts = {f"{name}Verdict": {"status": "PASS"} for name in ("spam", "virus", "spf", "dkim", "dmarc")}
    return {
        "notificationType": "Received",
        "mail": {"timestamp": TIME, "source": "ann@example.com", "messageId": SES_ID, "destination": [INBOX]},
        "receipt": {
            "timestamp": TIME,
            "processingTimeMillis": 100,
            "recipients": [INBOX],
            **verdicts,
            "action": {"type": "S3", "bucketName": BUCKET, "objectKeyPrefix": "ses/", "objectKey": f"ses/{SES_ID}"},
        },
    }


_BOUNCED = {"emailAddress": "ann@example.com", "action": "failed", "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 unknown"}
NOTICES: dict[str, tuple[str, dict[str, Any]]] = {
    "Delivery": ("delivery", {"timestamp": TIME, "recipients": ["ann@example.com"], "smtpResponse": "250 2.6.0 Message received"}),
    "Bounce": (
        "bounce",
        {
            "timestamp": TIME,
            "feedbackId": "sample-bounce",
            "bounceType": "Permanent",
            "bounceSubType": "General",
            "bouncedRecipients": [_BOUNCED],
        },
    ),
    "Complaint": (
        "complaint",
        {
            "timestamp": TIME,
            "feedbackId": "sample-complaint",
            "complaintFeedbackType": "abuse",
            "complainedRecipients": [{"emailAddress": "ann@example.com"}],
        },
    ),
    "Reject": ("reject", {"reason": "Bad content"}),
    "DeliveryDelay": ("deliveryDelay", {"timestamp": TIME, "delayType": "General", "delayedRecipients": [_BOUNCED]}),
}


def sent_notice() -> dict[str, Any]:
    return {
        "eventType": "Send",
        "mail": {
            "timestamp": TIME,
            "messageId": SES_ID,
            "source": INBOX,
            "destination": ["ann@example.com"],
            "tags": {"intent": [IDENTITY], "ses:configuration-set": ["mailroom"]},
        },
        "send": {},
    }


def _inserted_message() -> dict[str, Any]:
    key = keys.message(IDENTITY, INBOX, MESSAGE)
    image = {
        "pk": key.pk,
        "sk": key.sk,
        "inbox_id": INBOX,
        "pod_id": IDENTITY,
        "thread_id": IDENTITY,
        "message_id": MESSAGE,
        "labels": ["received", "unread"],
        "ts": TIME_MS,
        "from": "Ann <ann@example.com>",
        "to": [INBOX],
        "size": 1000,
        "created_at": TIME_MS,
        "updated_at": TIME_MS,
        "ver": TIME_MS,
        "uid": "sample",
        "same": "sample",
        "body": "none",
    }
    return record_of(ChangeRecord("100000000000000000001", "core", key, None, image))


def _tick() -> dict[str, Any]:
    return {
        "version": "0",
        "id": "33333333-3333-4333-8333-333333333333",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "123456789012",
        "time": "2026-01-01T12:00:00Z",
        "region": "us-east-1",
        "resources": ["arn:aws:events:us-east-1:123456789012:rule/mailroom-repair"],
        "detail": {},
    }


def text_of(event: Any) -> str:
    return json.dumps(event, indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    events = sample_events()
    for stale in {path for path in FOLDER.rglob("*.json") if path.relative_to(FOLDER) not in events}:
        stale.unlink()
    for path, event in events.items():
        target = FOLDER / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text_of(event), encoding="utf-8")


if __name__ == "__main__":
    main()
