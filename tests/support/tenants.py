"""Tenants with one of everything, and a valid request to any route of the template: for tests that ask all endpoints the same."""

from __future__ import annotations

import re
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from local.template import Route
from mailroom.callers import Caller
from mailroom.keys.scopes import Route as Scope
from mailroom.keys.service import create_api_key
from tests.openapi import endpoint_of
from tests.sample_events import CASES, POLLING_TOKEN, Case
from tests.support.identity import organization_id
from tests.support.polling import eventually
from tests.support.seed import seed
from tests.support.stacks import Mailbox, Strict

TYPES = ["message.received"]
SCOPES = ("organization", "pod", "inbox")
FIXED = {"direction": "receive", "type": "block"}
"""Names in paths that are the same for everybody."""

REFERENCES = {
    **dict.fromkeys(("inbox_ids", "add_inbox_ids", "remove_inbox_ids"), "inbox_id"),
    **dict.fromkeys(("pod_ids", "add_pod_ids", "remove_pod_ids"), "pod_id"),
    **dict.fromkeys(("message_ids", "in_reply_to", "forward_of"), "message_id"),
    "remove_attachments": "attachment_id",
}
"""Fields of bodies and queries that name a resource -> the kind of its id."""
OWN_NAMES = frozenset({"client_id"})
"""Fields that look like ids, but are given by the caller."""


class NoWay(AssertionError):
    """No valid request to the route is known; the text names it."""


@dataclass
class Tenant:
    """An inbox in a pod of an organization, with one of everything at each of these scopes."""

    http: Strict
    """A key of the organization."""
    by_token: Strict
    """The token of the organization's polling webhook."""
    ids: dict[str, dict[str, str]]
    """Scope -> kind -> id."""
    aliases: dict[str, list[str]]
    """Kind -> client ids, which stand for ids in paths, and the id of a message that spans segments of a path."""

    def own(self, kind: str, scope: str = "organization") -> str:
        return self.ids[scope][kind]

    def all(self, kind: str) -> list[str]:
        """Every id and client id of a kind."""
        found = [self.ids[scope][kind] for scope in SCOPES if kind in self.ids[scope]]
        return [*dict.fromkeys(found), *self.aliases.get(kind, ())]

    def shown(self) -> set[str]:
        """What may stand in no answer to a stranger."""
        return {value for ids in self.ids.values() for value in ids.values()}


def unique() -> str:
    return uuid.uuid4().hex


def furnished(stack: Mailbox, http: Strict, pod_id: str | None = None) -> Tenant:
    """In a new pod unless one is named; always with a new inbox."""
    pod_name, inbox_name = unique(), unique()
    pod_id = pod_id or http.post("/pods", {"client_id": pod_name}).json()["pod_id"]
    inbox = http.post(f"/pods/{pod_id}/inboxes", {"username": unique(), "client_id": inbox_name}).json()
    place = {"pod_id": pod_id, "inbox_id": inbox["inbox_id"]}
    aliases = {"pod_id": [pod_name], "inbox_id": [inbox_name], "draft_id": [unique()]}
    aliases |= {"polling_id": [], "webhook_id": [], "domain_id": []}
    aliases["message_id"] = [f"<{unique()}/{unique()}@example.com>"]
    tenant = Tenant(http, http, {scope: dict(place) for scope in SCOPES}, aliases)
    for scope in SCOPES:
        tenant.ids[scope] |= _settings(tenant, base_of(scope, tenant))
    again = http.post("/webhooks/polling", _polling(aliases["polling_id"][0]))
    tenant.by_token = stack.strict(again.json()["token"])
    mail = {**_mail(stack, tenant), "event_id": _delivered(tenant)}
    for scope in SCOPES:
        tenant.ids[scope] |= mail
    return tenant


def base_of(scope: str, tenant: Tenant) -> str:
    """What paths about a scope of the tenant begin with."""
    return {"organization": "", "pod": f"/pods/{tenant.own('pod_id')}", "inbox": f"/inboxes/{tenant.own('inbox_id')}"}[scope]


def _settings(tenant: Tenant, base: str) -> dict[str, str]:
    http, webhook, polling = tenant.http, unique(), unique()
    tenant.aliases["webhook_id"].append(webhook)
    tenant.aliases["polling_id"].append(polling)
    # An inbox has no domains of its own; that of its pod is what its key might ask for.
    domain_id = tenant.own("domain_id", "pod") if base.startswith("/inboxes/") else _domain(tenant, base)
    hook = {"url": "https://example.com/hook", "event_types": TYPES, "client_id": webhook}
    return {
        "webhook_id": http.post(f"{base}/webhooks", hook).json()["webhook_id"],
        "polling_id": http.post(f"{base}/webhooks/polling", _polling(polling)).json()["webhook_id"],
        "api_key_id": http.post(f"{base}/api-keys", {}).json()["api_key_id"],
        "entry": http.post(f"{base}/lists/receive/block", {"entry": f"{unique()}.example.com"}).json()["entry"],
        "domain_id": domain_id,
    }


def _domain(tenant: Tenant, base: str) -> str:
    name = unique()
    tenant.aliases["domain_id"].append(name)
    return str(tenant.http.post(f"{base}/domains", {"domain": f"{unique()}.example.com", "client_id": name}).json()["domain_id"])


def empty_pod(tenant: Tenant) -> None:
    """Takes away what keeps the tenant's pod from being deleted."""
    tenant.http.delete(f"/inboxes/{tenant.own('inbox_id')}")
    tenant.http.delete(f"/domains/{tenant.own('domain_id', 'pod')}")


def _polling(client_id: str) -> dict[str, Any]:
    return {"client_id": client_id, "event_types": TYPES}


def _mail(stack: Mailbox, tenant: Tenant) -> dict[str, str]:
    file, inbox_id = str(uuid.uuid4()), tenant.own("inbox_id")
    message = seed(stack.runtime, organization_id(tenant.http), inbox_id, files={file: b"x"})
    attached = {"filename": "a.txt", "content_type": "text/plain", "content": "eA=="}
    (client_id,), (slashed,) = tenant.aliases["draft_id"], tenant.aliases["message_id"]
    seed(stack.runtime, organization_id(tenant.http), inbox_id, message_id=slashed, files={file: b"x"})
    body = {"to": ["ann@example.com"], "text": "later", "client_id": client_id, "attachments": [attached]}
    draft = tenant.http.post(f"/inboxes/{inbox_id}/drafts", body).json()
    return {
        "message_id": message["message_id"],
        "thread_id": message["thread_id"],
        "attachment_id": file,
        "draft_id": draft["draft_id"],
        "draft_attachment_id": draft["attachments"][0]["attachment_id"],
    }


def _delivered(tenant: Tenant) -> str:
    """An event that all of the tenant's webhooks were sent. Only the inbox's own hears of nothing else."""

    def sent(scope: str) -> list[str]:
        path = f"{base_of(scope, tenant)}/webhooks/{tenant.own('webhook_id', scope)}/deliveries"
        page = tenant.http.get(path, params={"status": "delivered"}).json()
        return [each["event_id"] for each in page["deliveries"]]

    event_id = eventually(lambda: sent("inbox"))[0]
    eventually(lambda: all(event_id in sent(scope) for scope in SCOPES))
    return event_id


def narrow_key(stack: Mailbox, tenant: Tenant, scope: str, permissions: Mapping[str, bool] | None = None) -> Strict:
    """A key of the tenant's organization, pod or inbox."""
    o = organization_id(tenant.http)
    target = {"pod": Scope(pod_id=tenant.own("pod_id")), "inbox": Scope(inbox_id=tenant.own("inbox_id"))}.get(scope, Scope())
    body: Any = {} if permissions is None else {"permissions": dict(permissions)}
    made = create_api_key(Caller(o, "organization", o), target, body, items=stack.runtime.items, clock=stack.runtime.clock)
    return stack.strict(made["api_key"])


def name_of(route: Route) -> str:
    return f"{route.method} {route.path}"


def function_of(route: Route) -> str:
    return route.function.module.rsplit(".", 1)[1]


def parameters(route: Route) -> dict[str, str]:
    """Names in the path that stand for ids -> their kind."""
    found = [name for name in re.findall(r"{(\w+)}", route.path) if name not in FIXED]
    return {name: _kind(route.path, name) for name in found}


def _kind(path: str, name: str) -> str:
    if name == "webhook_id" and "/webhooks/polling/" in path:
        return "polling_id"
    return "draft_attachment_id" if name == "attachment_id" and "/drafts/" in path else name


def scope_of(route: Route, caller: str = "organization") -> str:
    """Whose resources a route is about: those of its prefix, else of the caller's own scope."""
    first = route.path.split("/")[1:3]
    return {"{pod_id}": "pod", "{inbox_id}": "inbox"}.get(first[-1], caller)


def own_ids(route: Route, tenant: Tenant, caller: str = "organization") -> dict[str, str]:
    """Raises NoWay for a parameter of which the tenant has none."""
    scope = scope_of(route, caller)
    try:
        return {name: tenant.own(kind, scope) for name, kind in parameters(route).items()}
    except KeyError as missing:
        raise NoWay(f"{name_of(route)}: a tenant has no {missing}; see tests/support/tenants.py") from missing


def references(route: Route) -> dict[str, str]:
    """Fields of the body or the query that name resources -> their kind. Raises NoWay for one that is not known."""
    endpoint = endpoint_of(route)
    names = [each["name"] for place in ("body_fields", "query") for each in endpoint[place]]
    for name in names:
        if re.search(r"_ids?$", name) and name not in REFERENCES and name not in OWN_NAMES:
            raise NoWay(f"{name_of(route)}: whose id {name} is, REFERENCES does not say")
    return {name: REFERENCES[name] for name in names if name in REFERENCES}


def case_of(route: Route) -> Case:
    return CASES.get(function_of(route), (Case(),))[0]


def body_of(route: Route, tenant: Tenant) -> dict[str, Any] | None:
    """The sample's body, about the tenant's resources; never twice with one client id, which would be answered with what was made
    before. Raises NoWay where a required field is missing."""
    fields = endpoint_of(route)["body_fields"]
    body = dict(case_of(route).body or {}) if route.method not in ("GET", "DELETE") else None
    if body is None:
        return None
    if missing := [each["name"] for each in fields if each["required"] and each["name"] not in body]:
        raise NoWay(f"{name_of(route)}: the sample's body lacks {missing}; see CASES in tests/sample_events.py")
    body |= {name: unique() for name in ("username", "client_id") if name in body}
    body |= {name: f"{unique()}.example.com" for name in ("domain",) if name in body}
    for name, kind in references(route).items():
        if name in body:
            body[name] = [tenant.own(kind)]
    return body


def query_of(route: Route) -> dict[str, str]:
    """What the route's query must have, by the sample. Raises NoWay where the sample lacks it."""
    required = [each["name"] for each in endpoint_of(route)["query"] if each["required"]]
    given = case_of(route).query
    if missing := [name for name in required if name not in given]:
        raise NoWay(f"{name_of(route)}: the sample's query lacks {missing}; see CASES in tests/sample_events.py")
    return {name: given[name] for name in required}


def ask(
    http: Strict, route: Route, ids: Mapping[str, str], body: Any = None, query: Mapping[str, str] | None = None
) -> httpx.Response:
    """A `body` of bytes is sent as it is, and so are slashes in ids, as the Python SDK does."""
    path = route.path
    for name, value in {**FIXED, **ids}.items():
        path = path.replace(f"{{{name}}}", quote(value, safe="@/"))
    options: dict[str, Any] = {"content": body} if isinstance(body, bytes) else {} if body is None else {"json": body}
    return http.request(route.method, path, params={**query_of(route), **(query or {})} or None, **options)


def caller_for(route: Route, tenant: Tenant, http: Strict) -> Strict:
    """What is read with a token of its own is asked with that."""
    return tenant.by_token if case_of(route).credential == POLLING_TOKEN else http


def random_like(value: str) -> str:
    """Of the same shape and length, and nobody's."""
    found = re.sub(r"[0-9a-f]{8,}", lambda match: secrets.token_hex(len(match[0]))[: len(match[0])], value)
    assert found != value
    return found
