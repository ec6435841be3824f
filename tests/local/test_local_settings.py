from __future__ import annotations

import pytest

from local.settings import Settings, SettingsError, from_environment


def test_without_settings_the_documented_defaults_hold() -> None:
    assert from_environment({}) == Settings()


def test_settings_are_read() -> None:
    settings = from_environment(
        {
            "MAILROOM_HOST": "0.0.0.0",
            "MAILROOM_PORT": "0",
            "MAILROOM_SMTP_PORT": "25",
            "MAILROOM_DATA": ":memory:",
            "MAILROOM_API_KEY": "am_" + "a" * 48,
            "MAILROOM_DOMAIN": "Agents.Example",
            "MAILROOM_SMTP_RELAY": "[::1]:2526",
            "MAILROOM_MAIL_HOST": "MX.Agents.example",
            "MAILROOM_SPF": "include:relay.example.com ip4:192.0.2.0/24",
            "MAILROOM_DNS": "192.0.2.53:5353",
            "MAILROOM_VERDICTS": "check",
            "MAILROOM_PUBLIC_URL": "https://mail.example.com/",
            "MAILROOM_FETCH_ALLOW_PRIVATE": "1",
            "MAILROOM_FEEDBACK": "1",
            "MAILROOM_STRICT_ALLOW": "0",
            "MAILROOM_LOG": "error",
        }
    )

    assert (settings.host, settings.http_port, settings.smtp_port) == ("0.0.0.0", 0, 25)
    assert settings.relay == ("::1", 2526)
    assert settings.config.domain == "agents.example"
    assert (settings.mail_host, settings.spf) == ("mx.agents.example", "include:relay.example.com ip4:192.0.2.0/24")
    assert settings.config.dns == ("192.0.2.53", 5353)
    assert settings.verdicts == "check"
    assert settings.public_url == "https://mail.example.com"
    assert settings.fetch_allow_private
    assert settings.feedback
    assert not settings.config.strict_allow


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAILROOM_PORT", "http"),
        ("MAILROOM_PORT", "65536"),
        ("MAILROOM_SMTP_PORT", "-1"),
        ("MAILROOM_API_KEY", "secret"),
        ("MAILROOM_API_KEY", "am_eu_" + "a" * 48),
        ("MAILROOM_API_KEY", "am_short"),
        ("MAILROOM_DOMAIN", "not a domain"),
        ("MAILROOM_SMTP_RELAY", "relay"),
        ("MAILROOM_SMTP_RELAY", "relay:x"),
        ("MAILROOM_SMTP_RELAY", ":25"),
        ("MAILROOM_MAIL_HOST", "not a host"),
        ("MAILROOM_SPF", "v=spf1 mx"),
        ("MAILROOM_SPF", "all"),
        ("MAILROOM_SPF", 'mx" "x'),
        ("MAILROOM_VERDICTS", "maybe"),
        ("MAILROOM_PUBLIC_URL", "mail.example.com"),
        ("MAILROOM_FEEDBACK", "yes"),
        ("MAILROOM_LOG", "loud"),
        ("MAILROOM_SIGN_UP", "no"),
        ("MAILROOM_WEBHOOK_ALLOW_PRIVATE", "off"),
        ("MAILROOM_FETCH_ALLOW_PRIVATE", "off"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        from_environment({name: value})


def test_what_is_switched_off_by_a_word_is_off() -> None:
    names = ("MAILROOM_SIGN_UP", "MAILROOM_WEBHOOK_ALLOW_PRIVATE", "MAILROOM_FETCH_ALLOW_PRIVATE", "MAILROOM_STRICT_ALLOW")

    off, on = (from_environment(dict.fromkeys(names, word)) for word in ("false", "true"))

    assert not any((off.config.sign_up, off.config.webhook_allow_private, off.fetch_allow_private, off.config.strict_allow))
    assert all((on.config.sign_up, on.config.webhook_allow_private, on.fetch_allow_private, on.config.strict_allow))


def test_send_limits_are_read_and_none_by_default_but_a_thread_s() -> None:
    given = from_environment(
        {"MAILROOM_THREAD_SEND_LIMIT": "0", "MAILROOM_DAILY_SEND_LIMIT": "100", "MAILROOM_MONTHLY_SEND_LIMIT": "3000"}
    ).config
    default = from_environment({"MAILROOM_DAILY_SEND_LIMIT": ""}).config

    assert (given.thread_send_limit, given.daily_send_limit, given.monthly_send_limit) == (0, 100, 3000)
    assert (default.thread_send_limit, default.daily_send_limit, default.monthly_send_limit) == (30, None, None)


def test_a_number_that_is_none_is_told() -> None:
    with pytest.raises(SettingsError, match="whole number"):
        from_environment({"MAILROOM_RATE_LIMIT": "many"})
