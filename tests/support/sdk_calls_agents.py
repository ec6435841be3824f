"""Calls of the agents' SDK methods, and of public keys. An agent's own key goes along as a header: the client is a watched one."""

from __future__ import annotations

from typing import Any

import pytest
from agentmail.api_keys import CreatePublicKeyRequest, PublicJwk
from agentmail.core.api_error import ApiError

from tests.sample_events import JWK
from tests.support.agents import Agent, codes_for, signed_up, somebody, verified
from tests.support.sdk_calls import CALLS, Method, Scene, call


def as_agent(agent: Agent) -> dict[str, Any]:
    return {"additional_headers": {"Authorization": f"Bearer {agent.api_key}"}}


@call("agent.sign_up")
def _(sign_up: Method, scene: Scene) -> None:
    human = somebody()
    made = sign_up(username=human.partition("@")[0], human_email=human, source="tests", referrer="nobody")
    assert scene.mailbox.sdk(made.api_key).auth.me().organization_id == made.organization_id
    assert made.inbox_id.partition("@")[0] == human.partition("@")[0]


@call("agent.attach_human")
def _(attach: Method, scene: Scene) -> None:
    human = somebody()
    answer = attach(human_email=human, request_options=as_agent(signed_up(scene.mailbox)))
    assert answer.human_email == human
    assert answer.instructions


@call("agent.verify")
def _(verify: Method, scene: Scene) -> None:
    human = somebody()
    agent = signed_up(scene.mailbox, human)
    (code,) = codes_for(scene.mailbox, human)
    assert verify(otp_code=code, request_options=as_agent(agent)).verified is True
    with pytest.raises(ApiError) as raised:
        verify(otp_code=code, request_options=as_agent(agent))
    assert raised.value.status_code == 403


_bearer = CALLS["api_keys.create"]


@call("api_keys.create")
def _(create: Method, scene: Scene) -> None:
    _bearer(create, scene)
    agent = verified(scene.mailbox)
    made = create(request=CreatePublicKeyRequest(public_key=PublicJwk(**JWK), client_id="sdk"), request_options=as_agent(agent))
    mine = scene.mailbox.sdk(agent.api_key)
    assert mine.api_keys.get("sdk") == made == mine.api_keys.list(type="public_key").api_keys[0]
