"""What has to be done before the first request."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailroom.runtime import Runtime


def bootstrap(api_key: str, runtime: Runtime) -> None:
    from mailroom.organizations import service

    service.bootstrap(api_key, items=runtime.items, clock=runtime.clock)


def recover(runtime: Runtime) -> None:
    """What an earlier process did not see to its end: sends, and connections that ended with it."""
    from mailroom.messages import repair
    from mailroom.messages.handover import Post
    from mailroom.sockets.upkeep import forget_all

    repair.recover(Post.of(runtime))
    forget_all(items=runtime.items)
