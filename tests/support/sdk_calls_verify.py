"""Calls of the SDK methods that have a domain checked, at organization and pod."""

from __future__ import annotations

import uuid
from typing import Any

from tests.support.domain_rows import registered
from tests.support.identity import organization_id
from tests.support.sdk_calls import Method, Scene, call


def _domain(scene: Scene, **given: Any) -> str:
    o = organization_id(scene.mailbox.http)
    return registered(scene.mailbox.runtime, o, f"{uuid.uuid4().hex}.example.com", **given)["domain"]


@call("domains.verify")
def _(verify: Method, scene: Scene) -> None:
    assert verify(_domain(scene)) is None


@call("pods.domains.verify")
def _(verify: Method, scene: Scene) -> None:
    assert verify(scene.pod, _domain(scene, pod_id=scene.pod)) is None
