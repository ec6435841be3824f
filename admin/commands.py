"""The commands. Rules are the services'; what is here asks them and says what they answered."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable
from typing import Any, cast

from admin.answers import Answer, printable
from admin.doctor.findings import examine
from admin.site import Site
from mailroom.callers import Caller
from mailroom.clock import to_wire
from mailroom.errors import NotFound
from mailroom.keys import service as api_keys
from mailroom.keys.model import CREATE_API_KEY
from mailroom.keys.record import KeyRecord
from mailroom.keys.render import api_key
from mailroom.keys.scopes import Route
from mailroom.lists import suppression
from mailroom.lists.model import list_entry
from mailroom.organizations import listing, service, suspension
from mailroom.organizations.record import OrganizationRecord
from mailroom.secret import deployment_secret
from mailroom.store import keys
from mailroom.store.port import ItemStore, Query

PAGE = 200
ONCE = "This secret is not kept and cannot be shown again."


def create_organization(site: Site, options: Namespace) -> Answer:
    deployment_secret(site.items)  # the functions that only read cannot make it
    made = service.create_organization(name=options.name, items=site.items, clock=site.clock)
    lines = (f"Organization  {made['organization_id']}", f"API key       {made['api_key']}", ONCE)
    return Answer(made, lines=lines)


def list_organizations(site: Site, _: Namespace) -> Answer:
    records = list(listing.organizations(items=site.items))
    return _organizations({"organizations": [_organization(each) for each in records]}, records)


def show_organization(site: Site, options: Namespace) -> Answer:
    record = _existing(site, options)
    return _organizations(_organization(record), [record])


def suspend_organization(site: Site, options: Namespace) -> Answer:
    return _changed(site, options, suspension.suspend(options.organization, items=site.items, clock=site.clock))


def resume_organization(site: Site, options: Namespace) -> Answer:
    return _changed(site, options, suspension.resume(options.organization, items=site.items))


def create_key(site: Site, options: Namespace) -> Answer:
    _existing(site, options)
    asked = {"name": options.name, "expires_at": options.expires}
    body = CREATE_API_KEY.check({name: value for name, value in asked.items() if value is not None})
    route = Route(options.pod, None if options.inbox is None else options.inbox.lower())
    made = api_keys.create_api_key(_operator(options), route, body, items=site.items, clock=site.clock)
    return Answer(made, lines=(f"Key id   {made['api_key_id']}", f"API key  {made['api_key']}", ONCE))


def list_keys(site: Site, options: Namespace) -> Answer:
    _existing(site, options)
    found = [api_key(each) for each in _keys_of(options.organization, items=site.items)]
    columns = ("key id", "begins with", "name", "bound to", "created", "used", "expires")
    return Answer({"api_keys": found}, columns, [_key_row(each) for each in found])


def revoke_key(site: Site, options: Namespace) -> Answer:
    api_keys.delete_api_key(_operator(options), Route(), options.key, items=site.items)
    return Answer({"api_key_id": options.key, "revoked": True}, lines=(f"{options.key} is revoked.",))


def list_suppressions(site: Site, options: Namespace) -> Answer:
    _existing(site, options)
    found = [list_entry(each) for each in suppression.suppressed(options.organization, items=site.items)]
    rows = [(each["entry"], each["reason"], each["created_at"]) for each in found]
    return Answer({"entries": found}, ("address", "because of", "since"), rows)


def remove_suppression(site: Site, options: Namespace) -> Answer:
    suppression.remove(options.organization, options.address, items=site.items)
    return Answer({"entry": options.address.lower(), "removed": True}, lines=(f"{options.address} gets mail again.",))


def list_dead_letters(site: Site, _: Namespace) -> Answer:
    states = site.queues.states()
    rows = [
        (
            each.queue,
            str(each.waiting),
            str(each.later),
            str(each.dead),
            _age(each.oldest_dead_s),
            "yes" if each.redrivable else "no",
        )
        for each in states
    ]
    columns = ("queue", "waiting", "later", "dead letters", "oldest of them", "can be put back")
    return Answer({"queues": [each.as_json() for each in states]}, columns, rows)


def redrive(site: Site, options: Namespace) -> Answer:
    try:
        count = site.queues.redrive(options.queue)
    except KeyError as error:
        raise NotFound(f"No queue {options.queue} has dead letters that can be put back") from error
    return Answer({"queue": options.queue, "messages": count}, lines=(f"{count} messages go back into {options.queue}.",))


def doctor(site: Site, _: Namespace) -> Answer:
    findings = examine(site.checks)
    healthy = all(each.state != "fail" for each in findings)
    rows = [(each.check, each.state, "\n".join(filter(None, (each.meaning, each.advice)))) for each in findings]
    value = {"site": site.name, "healthy": healthy, "findings": [each.as_json() for each in findings]}
    return Answer(value, ("check", "state", "what it means, and what to do"), rows, code=0 if healthy else 1)


def _existing(site: Site, options: Namespace) -> OrganizationRecord:
    """Raises NotFound, so that a mistyped id is no empty list."""
    return listing.organization_named(options.organization, items=site.items)


def _changed(site: Site, options: Namespace, count: int) -> Answer:
    record = _existing(site, options)
    return _organizations({**_organization(record), "keys_changed": count}, [record])


def _operator(options: Namespace) -> Caller:
    """May do in an organization what an unrestricted key of it may."""
    return Caller(options.organization, "organization", options.organization)


def _keys_of(o: str, *, items: ItemStore) -> Iterable[KeyRecord]:
    """Oldest first."""
    low, high = keys.api_key_range()
    start = None
    while True:
        rows = items.query(Query("core", o, PAGE, low, high, start=start))
        yield from (cast(KeyRecord, row) for row in rows)
        if len(rows) < PAGE:
            return
        start = (o, rows[-1]["sk"])


def _organization(record: OrganizationRecord) -> dict[str, Any]:
    times = {"created_at": record["created_at"], "updated_at": record["updated_at"], "suspended_at": record.get("suspended")}
    shown = ("organization_id", "name", "default_pod_id", "inbox_count", "domain_count")
    return {
        **{name: value for name, value in record.items() if name in shown},
        **{name: to_wire(value) for name, value in times.items() if value is not None},
    }


def _organizations(value: dict[str, Any], records: Iterable[OrganizationRecord]) -> Answer:
    rows = [
        (
            each["organization_id"],
            printable(each.get("name", "")),
            str(each["inbox_count"]),
            str(each["domain_count"]),
            to_wire(each["created_at"]),
            "suspended" if "suspended" in each else "active",
        )
        for each in records
    ]
    return Answer(value, ("organization id", "name", "inboxes", "domains", "created", "state"), rows)


def _key_row(key: dict[str, Any]) -> tuple[str, ...]:
    bound = key.get("inbox_id") or key.get("pod_id") or "organization"
    return (
        key["api_key_id"],
        key.get("prefix", "a public key"),
        printable(key["name"]),
        bound,
        key["created_at"],
        key.get("used_at", "never"),
        key.get("expires_at", "never"),
    )


def _age(seconds: int | None) -> str:
    if seconds is None:
        return ""
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
