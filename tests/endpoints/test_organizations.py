"""The organization, Labs, and the operator's command (spec: organizations-auth-apikeys.md, "Organization")."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from functions.organizations import create_organization, get_organization
from local.store.database import MEMORY, Database
from mailroom.callers import Caller
from mailroom.config import Config
from mailroom.errors import AlreadyExists, LimitExceeded, ValidationError
from mailroom.inboxes.create import create_inbox
from mailroom.organizations.service import bootstrap
from mailroom.organizations.service import get_organization as read_organization
from mailroom.runtime import Runtime, using
from mailroom.store import keys
from tests.support.fakes import memory_runtime
from tests.support.identity import new_pod, trips, using_key, using_pod_key
from tests.support.stacks import Mailbox

SECRET = "am_" + "s" * 48


@pytest.fixture
def runtime() -> Iterator[Runtime]:
    database = Database(MEMORY)
    yield memory_runtime(database, config=Config(inbox_limit=2))
    database.close()


def test_the_organization_counts_its_inboxes(stack: Mailbox) -> None:
    before = stack.http.get("/organizations").json()
    stack.http.post("/inboxes", {"username": f"u{uuid.uuid4().hex}"})

    after = stack.http.get("/organizations").json()

    assert after == {**before, "inbox_count": before["inbox_count"] + 1}
    assert "inbox_limit" not in after


def test_the_sdk_reads_the_organization(stack: Mailbox) -> None:
    assert stack.client.organizations.get().domain_count == 0


ROUTES = [("GET", "/organizations"), ("GET", "/organizations/labs"), ("POST", "/organizations/labs")]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_narrow_keys_do_not_read_the_organization(stack: Mailbox, inbox: str, method: str, path: str) -> None:
    for narrow in (using_key(stack, inbox_id=inbox), using_pod_key(stack, new_pod(stack))):
        answer = narrow.request(method, path)

        assert (answer.status_code, answer.json()["code"]) == (403, "missing_permission")
        assert "organization_read" in answer.json()["fix"]


def test_a_restricted_key_of_organization_scope_reads_the_organization(stack: Mailbox) -> None:
    assert using_key(stack, {}).get("/organizations").status_code == 200


def test_labs_are_not_offered(stack: Mailbox) -> None:
    assert stack.http.get("/organizations/labs").json() == {"enabled": False, "enabled_at": None, "available": False}
    assert stack.http.post("/organizations/labs").json()["code"] == "forbidden"


def test_reading_the_organization_costs_one_trip(stack: Mailbox) -> None:
    assert trips(stack, get_organization, "/organizations") == 1


def test_the_operator_makes_organizations(runtime: Runtime) -> None:
    with using(runtime):
        first, second = create_organization.handler({}), create_organization.handler({"api_key": SECRET})

    assert first["organization_id"] != second["organization_id"]
    assert second["api_key"] == SECRET
    assert len(first["api_key"]) == 51
    with using(runtime), pytest.raises(AlreadyExists):
        create_organization.handler({"api_key": SECRET})


@pytest.mark.parametrize("secret", ["", "am_", "am_eu_" + "x" * 48, "sk_" + "x" * 48, "am_" + "x" * 15, "am_ " + "x" * 48])
def test_a_secret_that_no_client_could_use_is_refused(runtime: Runtime, secret: str) -> None:
    with using(runtime), pytest.raises(ValidationError):
        create_organization.handler({"api_key": secret})


def test_bootstrap_is_done_once_however_often_it_runs(runtime: Runtime) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: bootstrap(SECRET, items=runtime.items, clock=runtime.clock), range(8)))

    with using(runtime), pytest.raises(AlreadyExists):
        create_organization.handler({"api_key": SECRET})


def test_the_inbox_limit_holds_also_at_once(runtime: Runtime) -> None:
    with using(runtime):
        o = create_organization.handler(None)["organization_id"]
    caller = Caller(o, "organization", o)

    def create(_: int) -> str:
        try:
            create_inbox(caller, {}, items=runtime.items, clock=runtime.clock, config=runtime.config)
        except LimitExceeded:
            return "refused"
        return "made"

    with ThreadPoolExecutor(8) as pool:
        outcomes = sorted(pool.map(create, range(8)))

    assert outcomes == ["made"] * 2 + ["refused"] * 6
    organization = read_organization(caller, items=runtime.items, config=runtime.config)
    assert (organization["inbox_count"], organization["inbox_limit"]) == (2, 2)
    assert runtime.items.get(keys.organization(o)) is not None


def test_the_deployment_can_sign_once_it_has_an_organization(runtime: Runtime) -> None:
    with using(runtime):
        create_organization.handler(None)

    assert runtime.items.get(keys.deployment_secret()) is not None
