"""What a receiver checks, with the libraries that receivers use."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest
import standardwebhooks
import svix

from mailroom.webhooks.record import WebhookRecord
from mailroom.webhooks.signing import headers

BODY = json.dumps({"type": "event", "text": "Grüße 🎈"}, ensure_ascii=False).encode()
EVENT = "evt_1"


def secret(fill: int) -> str:
    return "whsec_" + base64.b64encode(bytes([fill]) * 32).decode()


def webhook(**fields: Any) -> WebhookRecord:
    base: Any = {"webhook_id": "ep_1", "url": "https://x.example", "headers": {}, "secrets": [{"secret": secret(1)}], **fields}
    return base


def now() -> int:
    return time.time_ns() // 1_000_000


@pytest.mark.parametrize("library", [svix.Webhook, standardwebhooks.Webhook])
def test_a_receiver_verifies_with_the_secret(library: Any) -> None:
    sent = headers(webhook(), EVENT, BODY, now())

    library(secret(1)).verify(BODY, sent)


@pytest.mark.parametrize(
    ("library", "prefix"), [(svix.Webhook, "svix-"), (svix.Webhook, "webhook-"), (standardwebhooks.Webhook, "webhook-")]
)
def test_one_set_of_names_is_enough(library: Any, prefix: str) -> None:
    sent = {name: value for name, value in headers(webhook(), EVENT, BODY, now()).items() if name.startswith(prefix)}

    library(secret(1)).verify(BODY, sent)


@pytest.mark.parametrize("library", [svix.Webhook, standardwebhooks.Webhook])
@pytest.mark.parametrize("fill", [1, 2])
def test_while_a_secret_is_replaced_both_verify(library: Any, fill: int) -> None:
    both = webhook(secrets=[{"secret": secret(1)}, {"secret": secret(2), "until": now() + 1000}])

    library(secret(fill)).verify(BODY, headers(both, EVENT, BODY, now()))


@pytest.mark.parametrize("library", [svix.Webhook, standardwebhooks.Webhook])
def test_another_body_does_not_verify(library: Any) -> None:
    sent = headers(webhook(), EVENT, BODY, now())

    with pytest.raises(Exception, match="No matching signature"):
        library(secret(1)).verify(BODY + b" ", sent)


def test_a_secret_that_has_run_out_signs_no_longer() -> None:
    moment = now()
    both = webhook(secrets=[{"secret": secret(1)}, {"secret": secret(2), "until": moment - 1}])

    assert headers(both, EVENT, BODY, moment)["svix-signature"].count("v1,") == 1


def test_the_time_is_that_of_the_attempt_in_seconds() -> None:
    assert headers(webhook(), EVENT, BODY, 1_750_000_000_999)["webhook-timestamp"] == "1750000000"


@pytest.mark.parametrize(
    "name", ["svix-id", "Webhook-Signature", "HOST", "content-type", "Content-Length", "user-agent", "Connection", "Expect"]
)
def test_custom_headers_never_replace_ours(name: str) -> None:
    sent = headers(webhook(headers={name: "mine", "X-Tenant": "7"}), EVENT, BODY, now())

    assert "mine" not in sent.values()
    assert sent["X-Tenant"] == "7"
