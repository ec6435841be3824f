"""Every endpoint that is served answers the published SDK's own method for it, strictly by the contract."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator

import pytest

from tests import openapi
from tests.support import (  # noqa: F401 - they register their calls
    sdk_calls_agents,
    sdk_calls_domains,
    sdk_calls_drafts,
    sdk_calls_lists,
    sdk_calls_pods,
    sdk_calls_verify,
    sdk_calls_webhooks,
)
from tests.support.contract import contract
from tests.support.identity import organization_id
from tests.support.sdk import Sdk, async_sdk, sync_sdk
from tests.support.sdk_calls import CALLS, CONTENT, FILE, Scene
from tests.support.seed import seed
from tests.support.stacks import Mailbox

FAMILIES = {
    *("organizations", "pods", "agent", "auth", "api_keys", "inboxes", "inbox_events"),
    *("lists", "messages", "threads", "drafts", "webhooks", "domains"),
}
ENDPOINTS = {
    endpoint["sdk_method"]: (endpoint["method"], endpoint["path"])
    for endpoint in contract()["endpoints"]
    if endpoint["family"] in FAMILIES and endpoint["sdk_method"]
}


@pytest.fixture(scope="module")
def sdk(stack: Mailbox) -> Iterator[Sdk]:
    with sync_sdk(stack.backend) as opened:
        yield opened


@pytest.fixture(scope="module")
def asynchronous(sqlite_stack: Mailbox) -> Iterator[Sdk]:
    with async_sdk(sqlite_stack.backend) as opened:
        yield opened


@pytest.fixture
def nothing_secret_is_logged(sdk: Sdk, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """By any module of ours, at any level, with all that belongs to a line."""
    caplog.set_level(logging.DEBUG, "mailroom")
    sdk.watch.secrets.clear()
    yield
    ours = [record for record in caplog.get_records("call") if record.name.partition(".")[0] in ("mailroom", "local")]
    logged = caplog.text + "".join(str(vars(record)) for record in ours)
    assert ours
    assert [secret for secret in sdk.watch.secrets if secret in logged] == []


def scene(stack: Mailbox) -> Scene:
    inbox = str(stack.http.post("/inboxes").json()["inbox_id"])
    o, thread_id = organization_id(stack.http), str(uuid.uuid4())
    bodies = {"text": "one", "html": "<p>one", "extracted_text": "one", "extracted_html": "<p>one", "headers": {"X-A": "1"}}
    file = {"attachment_id": FILE, "size": len(CONTENT), "filename": "a.pdf", "content_type": "application/pdf"}
    to = {"to": [inbox, "agent@example.com"], "cc": ["Zoe <zoe@example.com>"]}
    more = {"bodies": bodies, "files": {FILE: CONTENT}, "attachments": [file], **to}
    first = seed(stack.runtime, o, inbox, thread_id=thread_id, subject="Order", **more)
    second = seed(stack.runtime, o, inbox, thread_id=thread_id, ts=first["ts"] + 1, bodies={"text": "two"})
    return Scene(stack, inbox, first, second)


@pytest.mark.usefixtures("nothing_secret_is_logged")
@pytest.mark.parametrize("name", CALLS)
def test_the_method_reaches_its_endpoint_and_understands_the_answer(stack: Mailbox, sdk: Sdk, name: str) -> None:
    sdk.watch.seen.clear()

    CALLS[name](sdk.call(name), scene(stack))

    assert set(sdk.watch.seen) == {ENDPOINTS[name]}


@pytest.mark.parametrize("name", CALLS)
def test_the_asynchronous_client_sees_the_same(sqlite_stack: Mailbox, asynchronous: Sdk, name: str) -> None:
    asynchronous.watch.seen.clear()

    CALLS[name](asynchronous.call(name), scene(sqlite_stack))

    assert set(asynchronous.watch.seen) == {ENDPOINTS[name]}


def test_no_endpoint_is_left_out() -> None:
    served = {(route.method, f"/v0{route.path}") for route in openapi.described_routes()}

    assert {name for name, endpoint in ENDPOINTS.items() if endpoint in served} == CALLS.keys()
