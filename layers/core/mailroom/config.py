"""Settings from the environment, read once. Names are those of design/running.md; limits those of spec/limits.md."""

from __future__ import annotations

import os
from collections.abc import Mapping
from ipaddress import ip_address
from typing import NamedTuple, Self

MB = 1024 * 1024
DEFAULT_DOMAIN = "mailroom.local"

WEBHOOK_SCHEDULE_S = (5, 300, 1800, 7200, 18000, 36000, 36000)


class Config(NamedTuple):
    domain: str = DEFAULT_DOMAIN
    """Default domain of inboxes without one."""
    region: str = "us-east-1"
    docs_url: str | None = None
    """Base of the `docs` links in errors; none when unset."""
    index_shards: int = 1
    """Write shards of the organization and pod indexes. May be raised at any time, never lowered."""
    rate_per_second: int = 50
    rate_burst: int = 200
    """Requests per organization; a rate of 0 switches the limit off."""
    max_body_bytes: int = 6 * MB
    max_mail_bytes: int = 40 * MB
    max_fetched_bytes: int = 30 * MB
    max_recipients: int = 50
    inbox_limit: int | None = None
    domain_limit: int | None = None
    daily_send_limit: int | None = None
    """Recipients an organization may write to in a UTC day; `monthly_send_limit` likewise."""
    monthly_send_limit: int | None = None
    thread_send_limit: int = 30
    """Messages an inbox may send into one thread within an hour; 0 switches the ceiling off."""
    webhook_limit: int = 50
    """Webhooks per organization."""
    polling_webhook_limit: int = 10
    """Polling webhooks per organization, pod or inbox."""
    list_entry_limit: int = 10_000
    """Entries of one allow or block list."""
    download_url_seconds: int = 3600
    drop_unauthentic: bool = True
    """Mail failing SPF, DKIM or an enforcing DMARC policy: dropped, or (False) labelled `unauthenticated`."""
    strict_allow: bool = True
    """Allow lists let mail in only where its From is authenticated."""
    dns: tuple[str, int] | None = None
    """Address and port of the resolver that is asked about domains; the system's when None."""
    dmarc_reports: str | None = None
    """Address that the DMARC records of custom domains name; postmaster of the default domain when None."""
    tracking_host: str | None = None
    """Host that `link.<domain>` points to; `link.` of the default domain when None."""
    tracking_scheme: str = "https"
    sign_up: bool = False
    """Agents may make their own organizations (spec: "Agent sign-up")."""
    sign_up_limit: int = 5
    """Sign-ups from one network address within an hour."""

    webhook_schedule: tuple[int, ...] = WEBHOOK_SCHEDULE_S
    """Seconds from each failed attempt of a delivery to the next one; after the last wait's attempt it has failed."""
    webhook_allow_private: bool = False
    """Webhooks may lead to private addresses, and by http (development)."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Raises ValueError for a number, address or switch that is none."""
        env = os.environ if environment is None else environment
        return cls(
            domain=env.get("MAILROOM_DOMAIN", DEFAULT_DOMAIN).lower(),
            region=env.get("AWS_REGION", "us-east-1"),
            docs_url=(env.get("MAILROOM_DOCS_URL") or "").rstrip("/") or None,
            index_shards=int(env.get("MAILROOM_INDEX_SHARDS", "1")),
            rate_per_second=int(env.get("MAILROOM_RATE_LIMIT", "50")),
            rate_burst=int(env.get("MAILROOM_RATE_BURST", "200")),
            inbox_limit=_optional(env.get("MAILROOM_INBOX_LIMIT")),
            domain_limit=_optional(env.get("MAILROOM_DOMAIN_LIMIT")),
            daily_send_limit=_optional(env.get("MAILROOM_DAILY_SEND_LIMIT")),
            monthly_send_limit=_optional(env.get("MAILROOM_MONTHLY_SEND_LIMIT")),
            thread_send_limit=int(env.get("MAILROOM_THREAD_SEND_LIMIT", "30")),
            drop_unauthentic=switch(env, "MAILROOM_DROP_UNAUTHENTIC", "1"),
            strict_allow=switch(env, "MAILROOM_STRICT_ALLOW", "1"),
            dns=_address(env.get("MAILROOM_DNS")),
            dmarc_reports=env.get("MAILROOM_DMARC_REPORTS") or None,
            tracking_host=(env.get("MAILROOM_TRACKING_HOST") or "").lower() or None,
            tracking_scheme=_scheme(env.get("MAILROOM_TRACKING_SCHEME") or "https"),
            sign_up=switch(env, "MAILROOM_SIGN_UP", "0"),
            webhook_schedule=_seconds(env.get("MAILROOM_WEBHOOK_SCHEDULE")),
            webhook_allow_private=switch(env, "MAILROOM_WEBHOOK_ALLOW_PRIVATE", "0"),
        )


def switch(env: Mapping[str, str], name: str, default: str) -> bool:
    """Never on by a word that may have meant off. Raises ValueError."""
    value = (env.get(name) or default).lower()
    if value not in ("0", "1", "false", "true"):
        raise ValueError(f"{name} should be 0 or 1, not {value!r}")
    return value in ("1", "true")


def _optional(text: str | None) -> int | None:
    return int(text) if text else None


def _scheme(text: str) -> str:
    if text not in ("http", "https"):
        raise ValueError(f"MAILROOM_TRACKING_SCHEME should be http or https, not {text!r}")
    return text


def _address(text: str | None) -> tuple[str, int] | None:
    """Of `ip:port`, `[ip]:port`, or an address alone. Raises ValueError."""
    if not text:
        return None
    host, port = text, "53"
    if text.startswith("[") or text.count(":") == 1:
        host, _, port = text.rpartition(":")
    return str(ip_address(host.strip("[]"))), int(port)


def _seconds(text: str | None) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(",")) if text else WEBHOOK_SCHEDULE_S
