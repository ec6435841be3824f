"""A stack, by the adapters that its functions use."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import cache, partial
from typing import Any

import botocore

from admin.aws import Client, Deployed, describe
from admin.doctor import clock as clocks
from admin.doctor import names, provider, queues, tables, versions
from admin.doctor.findings import Finding, fail, ok, warn
from admin.site import Check, Site
from admin.stack_queues import StackQueues
from mailroom.aws.dynamodb import DynamoItemStore
from mailroom.aws.identities import SesIdentities
from mailroom.clock import Clock, now_ms
from mailroom.config import Config
from mailroom.ports import Resolver
from mailroom.store.schema import TABLES
from mailroom.web.resolver import DnsResolver

MANY_TIMERS = 1000


@contextlib.contextmanager
def opened(name: str, client: Client, *, resolver: Resolver | None = None, clock: Clock = now_ms) -> Iterator[Site]:
    """Raises SiteError."""
    deployed = describe(name, client)
    dynamodb = client("dynamodb")
    region = dynamodb.meta.region_name
    config = Config.from_environment({**deployed.settings, "AWS_REGION": region})
    physical = {table: deployed.physical(f"{table.capitalize()}Table") for table in TABLES}
    keeper = StackQueues(deployed.resources, client=client, clock=clock)
    checks: dict[str, Check] = {
        "versions": partial(versions.versions, botocore=botocore.__version__, **{"the stack's runtime": _runtime(deployed)}),
        "stack": partial(stack_status, deployed),
        **_mail_checks(deployed, config, client, resolver or DnsResolver(config.dns)),
        "queues": lambda: queues.backlog(keeper.states()),
        "dead letters": lambda: queues.dead_letters(keeper.states()),
        "timers": lambda: timers(deployed.physical("Timers"), client("scheduler")),
        **{f"table {table}": partial(tables.table, table, physical[table], dynamodb) for table in TABLES},
        "clock": lambda: clocks.against_header(_date(dynamodb.describe_table(TableName=physical["core"])), clock=clock),
    }
    yield Site(f"stack {name} in {region}", DynamoItemStore(dynamodb, physical), keeper, checks, clock)


def stack_status(deployed: Deployed) -> Finding:
    text = f"The stack is {deployed.status}."
    if deployed.status.endswith("IN_PROGRESS"):
        return warn(text, "Wait until CloudFormation is done.")
    if deployed.status in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"):
        return ok(text)
    if deployed.status == "UPDATE_ROLLBACK_COMPLETE":
        return warn(f"{text} The last deployment failed, what was there before runs.", "See the stack's events, then deploy again.")
    return fail(text, "See the stack's events in the CloudFormation console.")


def timers(group: str, scheduler: Any) -> Finding:
    """One-time schedules; what is due within a quarter of an hour waits in the queues."""
    count = 0
    for page in scheduler.get_paginator("list_schedules").paginate(GroupName=group):
        count += len(page["Schedules"])
        if count >= MANY_TIMERS:
            return ok(f"At least {count} timers wait for their time.")
    return ok(f"{count} timers wait for their time.")


def _mail_checks(deployed: Deployed, config: Config, client: Client, resolver: Resolver) -> dict[str, Check]:
    domain, ses = config.domain, partial(client, "sesv2")
    account = cache(lambda: ses().get_account())
    checks = {
        **names.checks(
            domain,
            resolver,
            inbound_host=f"inbound-smtp.{config.region}.amazonaws.com",
            spf_mechanism="include:amazonses.com",
        ),
        "identity": lambda: provider.identity(domain, SesIdentities(region=config.region, client=ses)),
        "receipt rules": lambda: provider.receipt_rules(deployed.resources.get("ReceiptRules"), client("ses")),
        "sending": lambda: provider.sending(account()),
        "sandbox": lambda: provider.sandbox(account()),
        "quota": lambda: provider.quota(account()),
    }
    if "mx" in checks:
        checks["dkim"] = lambda: provider.dkim(domain, ses(), resolver)
    return checks


def _runtime(deployed: Deployed) -> str:
    return deployed.parameters.get("PythonRuntime", "unknown")


def _date(answer: Any) -> str:
    return str(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
