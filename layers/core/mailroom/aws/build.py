"""The runtime of a Lambda function, from the environment that template.yaml sets."""

from __future__ import annotations

import os
from functools import cache, partial
from typing import TYPE_CHECKING, Literal

from mailroom.aws import clients
from mailroom.aws.blobs import S3Blobs
from mailroom.aws.dynamodb import DynamoItemStore
from mailroom.aws.identities import SesIdentities
from mailroom.aws.limits import SharedRateLimiter
from mailroom.aws.mailer import SesMailer
from mailroom.aws.queues import SqsQueues
from mailroom.aws.sockets import ApiGatewaySockets
from mailroom.aws.timers import SchedulerTimers, TimerQueue
from mailroom.config import Config
from mailroom.runtime import Runtime
from mailroom.store.schema import TABLES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailroom.ports import FetchedFile, Posted, Poster, Resolver

QUEUES = ("inbound", "purge", "notices", "deliveries", "drafts", "domains")
TIMED = ("drafts", "domains")
"""Queues that timers send to."""


class LateFetcher:
    """Implements `ports.Fetcher`. Few sends name an attachment by URL; the others need not load an HTTP client for it."""

    def fetch(self, url: str, *, max_bytes: int) -> FetchedFile:
        from mailroom.web.fetch import UrlFetcher

        return UrlFetcher().fetch(url, max_bytes=max_bytes)


class LatePoster:
    """Implements `ports.Poster`, likewise, with one client for all it sends."""

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._poster: Poster | None = None

    def post(self, url: str, body: bytes, headers: Mapping[str, str], *, timeout_s: float) -> Posted:
        if self._poster is None:
            from mailroom.web.post import UrlPoster

            self._poster = UrlPoster(allow_private=self._allow_private)
        return self._poster.post(url, body, headers, timeout_s=timeout_s)


class LateResolver:
    """Implements `ports.Resolver`, likewise."""

    def __init__(self, server: tuple[str, int] | None) -> None:
        self._server = server
        self._resolver: Resolver | None = None

    def look_up(self, name: str, kind: Literal["TXT", "CNAME", "MX", "A", "AAAA", "PTR"]) -> tuple[str, ...]:
        if self._resolver is None:
            from mailroom.web.resolver import DnsResolver

            self._resolver = DnsResolver(self._server)
        return self._resolver.look_up(name, kind)


@cache
def aws_runtime() -> Runtime:
    """Raises KeyError for a name that the environment lacks."""
    config = Config.from_environment()
    items = DynamoItemStore(clients.dynamodb(), {table: os.environ[f"MAILROOM_{table.upper()}_TABLE"] for table in TABLES})
    queues = SqsQueues({name: os.environ[f"MAILROOM_{name.upper()}_QUEUE"] for name in QUEUES}, client=clients.sqs)
    return Runtime(
        config=config,
        items=items,
        blobs=S3Blobs(os.environ["MAILROOM_BUCKET"], client=clients.s3),
        queues=queues,
        timers=SchedulerTimers(
            {name: _timed(name) for name in TIMED},
            group=os.environ["MAILROOM_TIMERS_GROUP"],
            role_arn=os.environ["MAILROOM_TIMERS_ROLE_ARN"],
            queues=queues,
            client=clients.scheduler,
        ),
        mailer=SesMailer(
            region=config.region,
            configuration_set=os.environ.get("MAILROOM_CONFIGURATION_SET"),
            items=items,
            client=clients.sesv2,
        ),
        fetcher=LateFetcher(),
        poster=LatePoster(allow_private=config.webhook_allow_private),
        sockets=ApiGatewaySockets(client=partial(clients.sockets, os.environ["MAILROOM_SOCKETS_URL"])),
        limiter=SharedRateLimiter(rate_per_second=config.rate_per_second, burst=config.rate_burst, items=items),
        identities=SesIdentities(region=config.region, client=clients.identities),
        resolver=LateResolver(config.dns),
    )


def _timed(name: str) -> TimerQueue:
    prefix = f"MAILROOM_{name.upper()}"
    return TimerQueue(os.environ[f"{prefix}_QUEUE_ARN"], os.environ[f"{prefix}_DEAD_LETTER_QUEUE_ARN"])
