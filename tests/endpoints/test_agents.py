"""Agents sign up, name their humans and are verified (spec: organizations-auth-apikeys.md, "Agent sign-up")."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from mailroom.agents import codes
from mailroom.agents.codes import LIFE_MS, MAX_ATTEMPTS
from mailroom.config import Config
from mailroom.ports import Mailer, MailerRefused, MailerThrottled, OutgoingMail
from mailroom.store import keys
from tests.support.agents import Agent, agent_of, code_in, codes_for, letters, signed_up, somebody, verified, wrong
from tests.support.backends import mailbox
from tests.support.polling import eventually
from tests.support.stacks import Mailbox


def told(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def verify(agent: Agent, code: str) -> httpx.Response:
    return agent.http.post("/agent/verify", {"otp_code": code})


def attach(agent: Agent, human: str) -> httpx.Response:
    return agent.http.post("/agent/human", {"human_email": human})


def sign_up(stack: Mailbox, **body: Any) -> httpx.Response:
    return stack.strict(None).post("/agent/sign-up", body)


def row(stack: Mailbox, agent: Agent) -> dict[str, Any]:
    found = stack.runtime.items.get(keys.organization(agent.organization_id))
    assert found is not None
    return found


class Failing:
    """A mailer that raises what waits in `failures`."""

    def __init__(self, mailer: Mailer, *failures: Exception) -> None:
        self._mailer, self._failures = mailer, list(failures)

    def send(self, mail: OutgoingMail) -> str:
        if self._failures:
            raise self._failures.pop(0)
        return self._mailer.send(mail)

    def accepted(self, intent_id: str) -> str | None:
        return self._mailer.accepted(intent_id)


@contextlib.contextmanager
def failing(stack: Mailbox, *failures: Exception) -> Iterator[None]:
    mailer = stack.runtime.mailer
    stack.runtime.mailer = Failing(mailer, *failures)
    try:
        yield
    finally:
        stack.runtime.mailer = mailer


@contextlib.contextmanager
def later(stack: Mailbox, ms: int) -> Iterator[None]:
    clock = stack.runtime.clock
    stack.runtime.clock = lambda: clock() + ms
    try:
        yield
    finally:
        stack.runtime.clock = clock


# --- sign-up ------------------------------------------------------------------------------------------------------------


def test_an_agent_gets_an_organization_with_an_inbox_and_a_key(stack: Mailbox) -> None:
    agent = signed_up(stack)

    me = agent.http.get("/auth/me").json()
    assert (me["scope_type"], me["scope_id"]) == ("organization", agent.organization_id)
    assert [inbox["inbox_id"] for inbox in agent.http.get("/inboxes").json()["inboxes"]] == [agent.inbox_id]
    assert [pod["inbox_ids"] for pod in agent.http.get("/pods").json()["pods"]] == [[agent.inbox_id]]
    organization = agent.http.get("/organizations").json()
    assert [organization[name] for name in ("inbox_count", "inbox_limit", "domain_count", "domain_limit")] == [1, 1, 0, 0]


def test_the_human_is_mailed_a_code_from_an_address_that_no_agent_can_have(stack: Mailbox) -> None:
    human = somebody()

    agent = signed_up(stack, human.upper())

    (letter,) = eventually(lambda: letters(stack, human))
    code = code_in(letter)
    assert str(letter["From"]) == "Mailroom <postmaster@mailroom.local>"
    assert letter["Auto-Submitted"] == "auto-generated"
    for kind in ("plain", "html"):
        part = letter.get_body((kind,))
        assert part is not None
        assert agent.inbox_id in part.get_content()
        assert code in part.get_content()
    assert sign_up(stack, username="postmaster").status_code == 400


def test_the_same_human_again_is_the_same_organization_with_another_key(stack: Mailbox) -> None:
    human = somebody()
    first = signed_up(stack, human)
    token = first.http.post("/auth/token", {}).json()["token"]

    second = signed_up(stack, human)

    assert (second.organization_id, second.inbox_id) == (first.organization_id, first.inbox_id)
    assert told(first.http.get("/auth/me")) == (401, "unknown_api_key")
    assert stack.strict(token).get("/auth/me").status_code == 401
    assert second.http.get("/auth/me").status_code == 200
    assert len(second.http.get("/api-keys").json()["api_keys"]) == 1
    assert len(codes_for(stack, human)) == 1


@pytest.mark.parametrize("same_name", [True, False])
def test_sign_ups_at_once_with_one_human_make_one_organization_and_leave_one_key(stack: Mailbox, same_name: bool) -> None:
    human, name = somebody(), somebody().partition("@")[0]

    with ThreadPoolExecutor(5) as pool:
        names = [name if same_name else f"{name}-{number}" for number in range(5)]
        answers = [agent_of(stack, made) for made in pool.map(lambda each: sign_up(stack, username=each, human_email=human), names)]

    assert len({agent.organization_id for agent in answers}) == len({agent.inbox_id for agent in answers}) == 1
    living = [agent for agent in answers if agent.http.get("/auth/me").status_code == 200]
    assert len(living) == 1
    assert verify(living[0], codes_for(stack, human)[-1]).status_code == 200


def test_sign_ups_at_once_with_one_username_have_one_winner(stack: Mailbox) -> None:
    name = somebody().partition("@")[0]

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: sign_up(stack, username=name), range(4)))

    assert sorted(answer.status_code for answer in answers) == [200, 403, 403, 403]
    assert {told(answer) for answer in answers if answer.status_code != 200} == {(403, "resource_taken")}


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "username"),
        ({"username": "a b"}, "username"),
        ({"username": "abuse"}, "username"),
        ({"username": "ok", "human_email": "nobody"}, "human_email"),
        ({"username": "ok", "human_email": "Ann <ann@example.com>"}, "human_email"),
        ({"username": "ok", "source": "x" * 2049}, "source"),
        ({"username": "ok", "referrer": 1}, "referrer"),
    ],
)
def test_a_bad_sign_up_is_told_what_is_wrong(stack: Mailbox, body: dict[str, Any], path: str) -> None:
    answer = sign_up(stack, **body)

    assert told(answer) == (400, "validation_error")
    assert [part["path"] for part in answer.json()["errors"]] == [[path]]


def test_a_human_may_have_a_domain_beyond_ascii(stack: Mailbox) -> None:
    name = somebody().partition("@")[0]

    agent = signed_up(stack, f"{name}@b\u00fccher.example")

    assert codes_for(stack, f"{name}@xn--bcher-kva.example")
    assert agent.send(f"{name}@b\u00fccher.example").status_code == 200


def test_an_agent_cannot_answer_for_itself(stack: Mailbox, inbox: str) -> None:
    """Nor for another one: an unverified agent's inbox, one that is about to be made, and one that may be made are no person's."""
    agent, name = signed_up(stack), somebody().partition("@")[0]

    for human in (agent.inbox_id, agent.inbox_id.replace("@", "+x@"), f"{name}@mailroom.local", f"x@{name}.mailroom.local"):
        assert told(sign_up(stack, username=name, human_email=human)) == (400, "validation_error")
        assert told(attach(agent, human)) == (400, "validation_error")
    assert attach(agent, inbox).status_code == 200


def test_a_verified_organization_is_not_handed_out_again(stack: Mailbox) -> None:
    human = somebody()
    agent = verified(stack, human)

    another = signed_up(stack, human)

    assert another.organization_id != agent.organization_id
    assert agent.http.get("/auth/me").status_code == 200
    assert another.send("x@example.com").status_code == 403


def test_sign_up_is_off_unless_it_is_switched_on() -> None:
    with mailbox("sqlite", Config()) as stack:
        assert told(stack.strict(None).post("/agent/sign-up", content=b"{")) == (403, "forbidden")


def test_a_network_address_signs_up_five_times_an_hour() -> None:
    with mailbox("sqlite", Config(sign_up=True)) as stack:
        mistaken = [sign_up(stack, username="-") for _ in range(6)]
        answers = [sign_up(stack, username=f"agent{number}") for number in range(6)]
        mistaken.append(sign_up(stack, username="-"))
        with later(stack, 3_600_000):
            next_hour = sign_up(stack, username="agent6")

    assert [answer.status_code for answer in mistaken] == [400] * 6 + [429]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert told(answers[5])[1] == "rate_limit_exceeded"
    assert 0 < int(answers[5].headers["retry-after"]) <= 3600
    assert next_hour.status_code == 200


# --- the code -----------------------------------------------------------------------------------------------------------


def test_the_code_verifies_the_agent_once(stack: Mailbox) -> None:
    human = somebody()
    agent = signed_up(stack, human)
    (code,) = codes_for(stack, human)

    answer = verify(agent, code)

    assert (answer.status_code, answer.json()) == (200, {"verified": True})
    assert told(verify(agent, code)) == (403, "missing_permission")
    assert "agent_verify" in verify(agent, code).json()["fix"]
    assert told(attach(agent, somebody())) == (403, "missing_permission")
    assert row(stack, agent)["agent_state"] == "agent_verified"
    assert not [name for name in row(stack, agent) if name.startswith("code_")]


@pytest.mark.parametrize("code", ["12345", "1234567", "12345a", "１２３４５６", 123456, None])
def test_what_is_no_code_is_not_counted(stack: Mailbox, code: Any) -> None:
    agent = signed_up(stack, somebody())

    assert told(agent.http.post("/agent/verify", {"otp_code": code})) == (400, "validation_error")
    assert row(stack, agent)["code_attempts"] == 0


def test_without_a_code_there_is_nothing_to_verify(stack: Mailbox) -> None:
    assert told(verify(signed_up(stack), "123456")) == (404, "not_found")


def test_attempts_are_counted_exactly_and_then_the_right_code_does_not_help(stack: Mailbox) -> None:
    human = somebody()
    agent = signed_up(stack, human)
    (code,) = codes_for(stack, human)

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: verify(agent, wrong(code)), range(MAX_ATTEMPTS + 5)))

    assert sorted(answer.status_code for answer in answers) == [400] * MAX_ATTEMPTS + [403] * 5
    alive = verify(agent, code)
    assert told(alive) == (403, "limit_exceeded")
    assert attach(agent, human).status_code == 200
    assert len(letters(stack, human)) == 1
    with later(stack, LIFE_MS):
        expired = verify(agent, code)
        assert told(expired) == (403, "limit_exceeded")
        assert expired.json()["message"] != alive.json()["message"]
        assert attach(agent, human).status_code == 200
        assert verify(agent, codes_for(stack, human, 2)[1]).status_code == 200


def test_the_last_attempt_may_be_the_right_one(stack: Mailbox) -> None:
    human = somebody()
    agent = signed_up(stack, human)
    (code,) = codes_for(stack, human)
    for _ in range(MAX_ATTEMPTS - 1):
        assert told(verify(agent, wrong(code))) == (400, "validation_error")

    assert verify(agent, code).status_code == 200


def test_an_expired_code_is_none_and_signing_up_again_mails_another(stack: Mailbox) -> None:
    human = somebody()
    agent = signed_up(stack, human)
    (code,) = codes_for(stack, human)

    with later(stack, LIFE_MS):
        assert told(verify(agent, code)) == (404, "not_found")
        again = signed_up(stack, human)
        assert verify(again, codes_for(stack, human, 2)[1]).status_code == 200


def test_neither_the_code_nor_a_hash_that_anybody_can_make_is_in_the_store(stack: Mailbox) -> None:
    human = somebody()
    agent = signed_up(stack, human)
    (code,) = codes_for(stack, human)

    stored = row(stack, agent)

    guesses = {hashlib.sha256(text.encode()).hexdigest() for text in (code, f"{stored['code_id']} {code}")}
    assert not {code, *guesses} & {str(value) for value in stored.values()}


# --- the human ----------------------------------------------------------------------------------------------------------


def test_a_human_can_be_named_later(stack: Mailbox) -> None:
    human = somebody()
    agent = signed_up(stack)

    answer = attach(agent, human.upper())

    assert answer.json()["human_email"] == human
    assert human in answer.json()["instructions"]
    assert verify(agent, codes_for(stack, human)[0]).status_code == 200


def test_the_same_human_again_keeps_the_code_and_the_key(stack: Mailbox) -> None:
    human = somebody()
    agent = signed_up(stack, human)
    (code,) = codes_for(stack, human)

    assert [attach(agent, human).status_code for _ in range(3)] == [200] * 3

    assert len(letters(stack, human)) == 1
    assert verify(agent, code).status_code == 200


def test_a_human_is_replaced_twice_at_most_and_only_the_last_code_holds(stack: Mailbox) -> None:
    humans = [somebody() for _ in range(4)]
    agent = signed_up(stack, humans[0])
    (first,) = codes_for(stack, humans[0])

    answers = [attach(agent, human) for human in humans[1:]]

    assert [answer.status_code for answer in answers] == [200, 200, 409]
    assert (told(answers[2])[1], answers[2].json()["name"]) == ("limit_exceeded", "LimitExceededError")
    (last,) = codes_for(stack, humans[2])
    assert first == last or told(verify(agent, first)) == (400, "validation_error")
    assert signed_up(stack, humans[0]).organization_id != agent.organization_id
    assert verify(agent, last).status_code == 200


def test_replacements_at_once_are_counted_exactly(stack: Mailbox) -> None:
    agent = signed_up(stack, somebody())

    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda _: attach(agent, somebody()), range(5)))

    assert sorted(answer.status_code for answer in answers) == [200, 200, 409, 409, 409]
    assert row(stack, agent)["human_replacements"] == 2


def test_a_person_is_waited_for_by_one_agent(stack: Mailbox) -> None:
    human = somebody()
    first, second = signed_up(stack, human), signed_up(stack)

    assert told(attach(second, human)) == (403, "resource_taken")

    assert verify(first, codes_for(stack, human)[0]).status_code == 200
    assert attach(second, human).status_code == 200


# --- mail that does not leave -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (MailerThrottled(3), (429, "rate_limit_exceeded")),
        (MailerRefused("No such recipient"), (403, "message_rejected")),
        (TimeoutError(), (503, "service_unavailable")),
    ],
)
def test_a_code_that_was_not_mailed_is_asked_for_again(stack: Mailbox, failure: Exception, expected: tuple[int, str]) -> None:
    human = somebody()
    with failing(stack, failure, failure):
        agent = signed_up(stack, human)
        refused = attach(agent, human)

    assert told(refused) == expected
    assert attach(agent, human).status_code == 200
    assert verify(agent, codes_for(stack, human)[0]).status_code == 200


def test_asking_again_for_a_code_that_was_not_mailed_buys_no_attempts(stack: Mailbox) -> None:
    human = somebody()
    with failing(stack, *[MailerRefused("no")] * 3):
        agent = signed_up(stack, human)
        answers = []
        for _ in range(2):
            answers += [verify(agent, "000000").status_code for _ in range(MAX_ATTEMPTS // 2)]
            attach(agent, human)

    assert 200 in answers or row(stack, agent)["code_attempts"] == MAX_ATTEMPTS


def test_a_process_that_died_before_the_mail_leaves_a_code_that_is_mailed_a_minute_later(stack: Mailbox) -> None:
    human = somebody()
    agent = signed_up(stack, human)
    codes_for(stack, human)
    o = keys.organization(agent.organization_id)
    stack.runtime.items.put(o, {**row(stack, agent), "code_due": stack.runtime.clock() + codes.MAILING_MS})

    assert attach(agent, human).status_code == 200
    assert len(letters(stack, human)) == 1
    with later(stack, codes.MAILING_MS):
        assert agent_of(stack, sign_up(stack, username="x", human_email=human)).inbox_id == agent.inbox_id
    assert len(codes_for(stack, human, 2)) == 2
