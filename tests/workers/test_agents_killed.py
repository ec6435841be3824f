"""Sign-up, human and verification, killed at each of their calls; the drafts of agents, and notices of the service's own mail."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from mailroom.agents.codes import MAILING_MS
from mailroom.config import Config
from mailroom.outbound.ses import SERVICE_MAIL
from mailroom.store import keys
from mailroom.store.port import Set
from tests.support.agents import code_of
from tests.support.crashes import Executioner
from tests.support.desk import Answer
from tests.support.draft_desk import MINUTE, DraftDesk
from tests.workers.test_feedback import DETAILS, provider_notice, take

HUMAN, OTHER = "ann@example.com", "bob@example.com"


@pytest.fixture
def desk() -> Iterator[DraftDesk]:
    with agents_desk() as opened:
        yield opened


def agents_desk() -> DraftDesk:
    return DraftDesk(config=Config(sign_up=True, sign_up_limit=1000))


def call(desk: DraftDesk, function: str, path: str, body: dict[str, Any], api_key: str = "") -> Answer:
    headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
    event = {"httpMethod": "POST", "resource": path, "path": path, "headers": headers, "body": json.dumps(body)}
    return Answer(desk.work(f"agents.{function}", event))


def sign_up(desk: DraftDesk, username: str = "scout") -> Answer:
    return call(desk, "sign_up_agent", "/agent/sign-up", {"username": username, "human_email": HUMAN})


def attach(desk: DraftDesk, api_key: str, human: str) -> Answer:
    return call(desk, "attach_human", "/agent/human", {"human_email": human}, api_key)


def verify(desk: DraftDesk, api_key: str) -> Answer:
    """With the code of the last mail."""
    code = code_of(desk.mailer.sent[-1].raw)
    return call(desk, "verify_agent", "/agent/verify", {"otp_code": code}, api_key)


def points(calls: int) -> list[int]:
    """Before and after each call."""
    return [sign * number for number in range(1, calls + 1) for sign in (-1, 1)]


def waiting_rows(desk: DraftDesk, prefix: str) -> int:
    return len([key for key in desk.keys_of("core") if key.pk.startswith(prefix)])


def test_a_sign_up_that_dies_is_done_by_the_next_one() -> None:
    with agents_desk() as whole:
        watch = Executioner()
        whole.dying(watch, lambda: sign_up(whole))

    assert "OutboxMailer.send" in watch.calls
    for point in points(len(watch.calls)):
        with agents_desk() as desk:
            desk.dying(Executioner(point), lambda: sign_up(desk))
            desk.clock.advance(MAILING_MS)
            again = sign_up(desk)

            assert again.status == 200, point
            assert (waiting_rows(desk, "HUMAN#"), waiting_rows(desk, "ADDR#"), waiting_rows(desk, "KEY#")) == (1, 1, 2), point
            assert verify(desk, again.body["api_key"]).status == 200, point


def test_a_rotation_that_dies_leaves_one_key(desk: DraftDesk) -> None:
    sign_up(desk)
    watch = Executioner()
    desk.dying(watch, lambda: sign_up(desk))

    for point in points(len(watch.calls)):
        desk.dying(Executioner(point), lambda: sign_up(desk))
        assert waiting_rows(desk, "KEY#") == 2, point

    assert verify(desk, sign_up(desk).body["api_key"]).status == 200


def test_another_human_is_attached_wholly_or_not_at_all() -> None:
    with agents_desk() as whole:
        api_key = sign_up(whole).body["api_key"]
        watch = Executioner()
        whole.dying(watch, lambda: attach(whole, api_key, OTHER))

    for point in points(len(watch.calls)):
        with agents_desk() as desk:
            api_key = sign_up(desk).body["api_key"]
            desk.dying(Executioner(point), lambda: attach(desk, api_key, OTHER))  # noqa: B023 - called at once
            desk.clock.advance(MAILING_MS)

            assert attach(desk, api_key, OTHER).status == 200, point
            assert waiting_rows(desk, "HUMAN#") == 1, point
            assert desk.mailer.sent[-1].recipients == (OTHER,), point
            assert verify(desk, api_key).status == 200, point


def test_a_verification_that_dies_is_repeated() -> None:
    with agents_desk() as whole:
        api_key = sign_up(whole).body["api_key"]
        watch = Executioner()
        whole.dying(watch, lambda: verify(whole, api_key))

    for point in points(len(watch.calls)):
        with agents_desk() as desk:
            api_key = sign_up(desk).body["api_key"]
            desk.dying(Executioner(point), lambda: verify(desk, api_key))  # noqa: B023 - called at once

            assert verify(desk, api_key).status in (200, 403), point
            assert call(desk, "attach_human", "/agent/human", {"human_email": HUMAN}, api_key).status == 403, point
            assert waiting_rows(desk, "HUMAN#") == 0, point


@pytest.mark.parametrize("kind", DETAILS)
def test_a_notice_of_the_services_own_mail_is_done_with_at_once(desk: DraftDesk, kind: str) -> None:
    sign_up(desk)
    [mail] = desk.mailer.sent

    assert mail.intent_id.startswith(SERVICE_MAIL)
    assert take(desk, provider_notice(kind, mail.intent_id, "<x@y>", mail.return_path)) == []


def unverified(desk: DraftDesk) -> None:
    """The desk's own organization, which has drafts."""
    desk.items.update(keys.organization(desk.o), [Set("agent_state", "agent_unverified"), Set("human_email", HUMAN)])


def test_a_draft_that_sends_itself_reaches_the_human_only(desk: DraftDesk) -> None:
    inbox = desk.warmed_up()
    unverified(desk)
    to_human = desk.draft(inbox, to=[HUMAN], due_in=MINUTE)
    to_other = desk.draft(inbox, to=[HUMAN, OTHER], due_in=MINUTE)

    assert desk.wait(MINUTE) == []

    assert [mail.recipients for mail in desk.mailer.sent] == [(HUMAN,)]
    assert [each["draft_id"] for each in desk.drafts(inbox)] == [to_other] != [to_human]
    shown = desk.shown(inbox, to_other)
    assert (shown["send_status"], shown["send_error"]["code"]) == ("failed", "message_rejected")


def test_drafts_that_send_themselves_count_against_the_ten_of_a_day(desk: DraftDesk) -> None:
    inbox = desk.warmed_up()
    unverified(desk)
    for _ in range(12):
        desk.draft(inbox, to=[HUMAN], due_in=MINUTE)

    assert desk.wait(MINUTE) == []

    assert len(desk.mailer.sent) == 10
