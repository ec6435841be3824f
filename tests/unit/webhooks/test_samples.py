from __future__ import annotations

from typing import Any

import pytest

from mailroom.events import types
from mailroom.webhooks.samples import sample
from tests.support.contract import event_problems

NOW = 1_750_000_000_000


@pytest.mark.parametrize("event_type", types.ALL)
@pytest.mark.parametrize("owner", [{}, {"pod_id": "0190a6c0-5a00-7000-8000-000000000001"}, {"inbox_ids": ["a@x.example"]}], ids=str)
def test_a_sample_is_strictly_an_event_of_its_type(event_type: str, owner: Any) -> None:
    event = sample({"webhook_id": "ep_1", **owner}, event_type, NOW)

    assert list(event_problems(event)) == []
    assert event["event_type"] == event_type


def test_two_trials_are_two_events() -> None:
    webhook: Any = {"webhook_id": "ep_1"}

    assert sample(webhook, types.RECEIVED, NOW)["event_id"] != sample(webhook, types.RECEIVED, NOW + 1)["event_id"]
