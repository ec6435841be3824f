"""Every sample event runs against a stack that has what it names: no answer is our fault."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.invoke import Invoker
from local.stack import Stack
from local.template import Function
from mailroom.clock import now_ms
from mailroom.config import Config
from mailroom.store import keys
from tests import sample_events as samples

_FOUND = (path.relative_to(samples.FOLDER) for path in samples.FOLDER.rglob("*.json"))
# What deletes comes last: the stack is shared.
EVENTS = sorted(_FOUND, key=lambda path: ("delete" in str(path), str(path)))
BY_THE_SPEC = {
    Path("organizations/join_labs.json"): 403,
    Path("agents/attach_human.json"): 403,
    Path("agents/verify_agent.json"): 403,
    Path("webhooks/read_polled_events.json"): 401,
}
"""Labs are not offered; the organization is not an agent's; the stack has no polling webhook with this token."""
MAIL = f"From: Ann <ann@example.com>\r\nTo: {samples.INBOX}\r\nSubject: Sample\r\nMessage-ID: {samples.MESSAGE}\r\n\r\nHello\r\n"

SENT = {
    "state": "done",
    "organization_id": samples.IDENTITY,
    "inbox_id": samples.INBOX,
    "pod_id": samples.IDENTITY,
    "message_id": samples.MESSAGE,
    "thread_id": samples.IDENTITY,
}
"""What the provider's notices are about."""


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """The organization, the inbox and the mail that the events speak of. The inbox must be older than its mail."""
    behind = now_ms() - samples.TIME_MS + 60_000
    config = Config(sign_up=True)
    with Stack(api_key=samples.API_KEY, config=config, clock=lambda: now_ms() - behind) as running:
        create_inbox = json.loads((samples.FOLDER / "inboxes/create_inbox.json").read_text(encoding="utf-8"))
        user, _, domain = samples.INBOX.partition("@")
        create_inbox["body"] = json.dumps({"username": user, "domain": domain})
        assert run(running, Path("inboxes/create_inbox.json"), create_inbox)["statusCode"] == 200
        running.items.put(keys.intent(samples.IDENTITY), SENT)
        running.blobs.put(f"ses/{samples.SES_ID}", MAIL.encode())
        assert run(running, Path("inbound/receive_mail.json")) == {"batchItemFailures": []}
        assert run(running, Path("messages/get_message.json"))["statusCode"] == 200
        yield running


def run(stack: Stack, path: Path, event: Any = None) -> Any:
    module = function_of(path)
    if event is None:
        event = json.loads((samples.FOLDER / path).read_text(encoding="utf-8"))
    return Invoker(stack.runtime).call(Function(path.stem, module, "handler"), event, "sample")


def function_of(path: Path) -> str:
    """The longest function name that the file's name starts with."""
    names = sorted((file.stem for file in (samples.ROOT / "functions" / path.parent).glob("*.py")), key=len, reverse=True)
    return f"functions.{path.parent}." + next(name for name in names if f"{path.stem}_".startswith(f"{name}_"))


@pytest.mark.parametrize("path", EVENTS, ids=str)
def test_a_sample_event_is_answered(stack: Stack, path: Path) -> None:
    answer = run(stack, path)

    if isinstance(answer, dict) and "statusCode" in answer:
        # Ids that only a running stack can mint are not there: 404.
        assert answer["statusCode"] in (BY_THE_SPEC.get(path), 200, 204, 404), answer["body"]
    elif isinstance(answer, dict) and "batchItemFailures" in answer:
        assert answer["batchItemFailures"] == []
