"""Secrets, headers and channels by themselves, and changes that lose every race."""

from __future__ import annotations

from typing import Any, cast

import pytest

from local.routing import Router
from local.template import load
from mailroom.callers import Caller
from mailroom.errors import RaceCondition, ValidationError
from mailroom.keys.scopes import Route
from mailroom.store import keys
from mailroom.store.port import Add, Item, Key, Put
from mailroom.webhooks.channels import changed_channels, listed_by
from mailroom.webhooks.headers import MAX_HEADERS, changed_headers
from mailroom.webhooks.record import MAX_SECRETS, Secret, WebhookRecord
from mailroom.webhooks.secrets import OVERLAP_MS, new_secret, rotated
from mailroom.webhooks.service import update_webhook
from tests.openapi import ROOT
from tests.support.desk import Desk


def record(**more: Any) -> WebhookRecord:
    return cast(
        WebhookRecord,
        {
            "webhook_id": "ep_1",
            "organization_id": "o",
            "url": "https://example.com",
            "secrets": [{"secret": new_secret()}],
            "headers": {},
            "enabled": True,
            "created_at": 1,
            "updated_at": 1,
            "ver": 1,
            **more,
        },
    )


def test_a_replaced_secret_keeps_its_own_end_through_further_rotations() -> None:
    first: list[Secret] = [{"secret": "a"}]

    second = rotated(first, 1000)
    third = rotated(second, 5000)
    later = rotated(third, 1000 + OVERLAP_MS)

    assert [each.get("until") for each in second] == [None, 1000 + OVERLAP_MS]
    assert [each.get("until") for each in third] == [None, 5000 + OVERLAP_MS, 1000 + OVERLAP_MS]
    assert [each["secret"] for each in later[1:]] == [third[0]["secret"], second[0]["secret"]]


def test_rotating_without_end_does_not_grow() -> None:
    secrets: list[Secret] = [{"secret": "a"}]
    for now in range(50):
        secrets = rotated(secrets, now)

    assert len(secrets) == MAX_SECRETS
    assert "until" not in secrets[0]


def test_headers_are_counted_after_what_is_removed() -> None:
    full = {f"X-{number}": "x" for number in range(MAX_HEADERS)}

    assert len(changed_headers(full, {"New": "y"}, ["x-0"])) == MAX_HEADERS
    assert changed_headers(full, {"x-1": "y"}, [])["x-1"] == "y"
    with pytest.raises(ValidationError):
        changed_headers(full, {"New": "y"}, ["absent"])


def test_an_exchange_of_the_last_channel_is_one_change() -> None:
    after = changed_channels(record(inbox_ids=["a@b"]), {"add_inbox_ids": ["c@d"], "remove_inbox_ids": ["a@b"]})

    assert (after.inbox_ids, after.pod_ids) == (("c@d",), ())


def test_removing_from_a_webhook_that_hears_everything_changes_nothing() -> None:
    webhook = record()

    assert changed_channels(webhook, {"remove_inbox_ids": ["a@b"], "remove_pod_ids": ["p"]}) == listed_by(webhook)


def test_a_change_that_loses_every_race_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with Desk() as desk:
        webhook = record(organization_id=desk.o)
        key = keys.webhook(desk.o, webhook["webhook_id"])
        desk.items.transact([Put(key, cast(Item, webhook))])
        monkeypatch.setattr("mailroom.store.races.ATTEMPTS", 3)
        reading = desk.items.batch_get

        def overtaken(wanted: Any) -> dict[Key, Item]:
            found = reading(wanted)
            desk.items.update(key, [Add("ver", 1)])
            return found

        monkeypatch.setattr(desk.items, "batch_get", overtaken)

        with pytest.raises(RaceCondition):
            update_webhook(
                Caller(desk.o, "organization", desk.o), Route(), "ep_1", {"enabled": False}, items=desk.items, clock=desk.clock
            )


@pytest.mark.parametrize("prefix", ["", "/pods/p", "/inboxes/a@b"])
def test_polling_is_a_word_of_the_path_and_no_webhooks_id(prefix: str) -> None:
    router = Router(load(ROOT / "template.yaml").routes)

    for path, function in (
        ("/webhooks/polling", "list_polling_webhooks"),
        ("/webhooks/polling/x", "get_polling_webhook"),
        ("/webhooks/polling/headers", "get_polling_webhook"),
        ("/webhooks/pollings", "get_webhook"),
        ("/webhooks/x/headers", "get_webhook_headers"),
    ):
        match = router.match(prefix + path)
        assert match is not None
        found = match.function("GET")
        assert found is not None
        assert found.module.endswith(f".{function}")
