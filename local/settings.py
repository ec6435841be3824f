"""Settings of one machine from the environment (design: running.md)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, cast

from mailroom.config import Config, switch

MEMORY = ":memory:"

LogLevel = Literal["debug", "info", "warning", "error"]
Verdicts = Literal["pass", "check", "header"]

_HOST_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*")
_API_KEY = re.compile(r"am_(?!eu_)[A-Za-z0-9_-]{16,253}")
_SPF_TERM = r"[+?~-]?(?:a|mx|ptr|ip4|ip6|include|exists)(?:[:/][!-~]{1,200})?"
_SPF = re.compile(rf"{_SPF_TERM}(?: {_SPF_TERM}){{0,9}}", re.IGNORECASE)
_PUBLIC_URL = re.compile(r"https?://[^/?#\s]+")


class SettingsError(Exception):
    """A setting that cannot be used; the text names it and says what it should be."""


@dataclass(frozen=True, slots=True)
class Settings:
    host: str = "127.0.0.1"
    http_port: int = 8080
    smtp_port: int = 2525
    data: str = "./data"
    api_key: str | None = None
    relay: tuple[str, int] | None = None
    mail_host: str | None = None
    """Name under which others reach the SMTP port; the default domain when None."""
    spf: str = "mx"
    """SPF mechanisms that let this machine's mail out, for the records of custom domains."""
    verdicts: Verdicts = "pass"
    public_url: str | None = None
    """Base of download addresses where it is not the one listened on (behind a proxy)."""
    fetch_allow_private: bool = False
    """Attachment URLs may lead to this machine and its network (development)."""
    feedback: bool = False
    """Bounces and complaints are also mailed into the sending inbox."""
    log: LogLevel = "info"
    config: Config = field(default_factory=Config)


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Raises SettingsError."""
    env = {name: value for name, value in environment.items() if value}
    return Settings(
        host=env.get("MAILROOM_HOST", "127.0.0.1"),
        http_port=_port(env, "MAILROOM_PORT", 8080),
        smtp_port=_port(env, "MAILROOM_SMTP_PORT", 2525),
        data=env.get("MAILROOM_DATA", "./data"),
        api_key=_api_key(env),
        relay=_address(env, "MAILROOM_SMTP_RELAY"),
        mail_host=_mail_host(env),
        spf=_spf(env),
        verdicts=cast(Verdicts, _choice(env, "MAILROOM_VERDICTS", "pass", ("pass", "check", "header"))),
        public_url=_public_url(env),
        fetch_allow_private=_switch(env, "MAILROOM_FETCH_ALLOW_PRIVATE"),
        feedback=_switch(env, "MAILROOM_FEEDBACK"),
        log=cast(LogLevel, _choice(env, "MAILROOM_LOG", "info", ("debug", "info", "warning", "error"))),
        config=_config(env),
    )


def _port(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name, str(default))
    if not (text.isascii() and text.isdigit() and int(text) < 65536):
        raise SettingsError(f"{name} should be a port number from 0 to 65535, not {text!r}")
    return int(text)


def _address(env: Mapping[str, str], name: str) -> tuple[str, int] | None:
    if name not in env:
        return None
    host, _, port = env[name].rpartition(":")
    if not host or not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise SettingsError(f"{name} should be host:port, not {env[name]!r}")
    return host.strip("[]"), int(port)


def _api_key(env: Mapping[str, str]) -> str | None:
    key = env.get("MAILROOM_API_KEY")
    if key is not None and not _API_KEY.fullmatch(key):
        raise SettingsError("MAILROOM_API_KEY should be am_ and at least 16 letters, digits, - or _, and not start with am_eu_")
    return key


def _mail_host(env: Mapping[str, str]) -> str | None:
    host = env.get("MAILROOM_MAIL_HOST", "").lower()
    if host and not _HOST_NAME.fullmatch(host):
        raise SettingsError(f"MAILROOM_MAIL_HOST should be a host name, not {host!r}")
    return host or None


def _spf(env: Mapping[str, str]) -> str:
    text = env.get("MAILROOM_SPF", "mx")
    if not _SPF.fullmatch(text):
        raise SettingsError(f"MAILROOM_SPF should be SPF mechanisms like include:relay.example.com or ip4:192.0.2.1, not {text!r}")
    return text


def _public_url(env: Mapping[str, str]) -> str | None:
    url = env.get("MAILROOM_PUBLIC_URL")
    if url is not None and not _PUBLIC_URL.fullmatch(url.rstrip("/")):
        raise SettingsError(f"MAILROOM_PUBLIC_URL should be like https://mail.example.com, not {url!r}")
    return url.rstrip("/") if url else None


def _choice(env: Mapping[str, str], name: str, default: str, allowed: tuple[str, ...]) -> str:
    value = env.get(name, default)
    if value not in allowed:
        raise SettingsError(f"{name} should be one of {', '.join(allowed)}, not {value!r}")
    return value


def _switch(env: Mapping[str, str], name: str) -> bool:
    try:
        return switch(env, name, "0")
    except ValueError as error:
        raise SettingsError(str(error)) from error


def _config(env: Mapping[str, str]) -> Config:
    try:
        config = Config.from_environment(env)
    except ValueError as error:
        raise SettingsError(f"a MAILROOM_ setting that should be a whole number, an address or 0 or 1 is none: {error}") from error
    if not _HOST_NAME.fullmatch(config.domain):
        raise SettingsError(f"MAILROOM_DOMAIN should be a domain name, not {config.domain!r}")
    return config
