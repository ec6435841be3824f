"""Kills an operation at its n-th call of a port, before the call or after it, as a process would be killed; or lets somebody else
act there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_COUNTED = {
    "get",
    "batch_get",
    "query",
    "state",
    "fetch",
    "put",
    "update",
    "delete",
    "write",
    "transact",
    "copy",
    "delete_prefix",
    "send",
    "set",
    "cancel",
    "send_many",
    "post",
    "post_all",
    "close",
    "accepted",
    "look_up",
    "register",
    "remove",
    "set_feedback",
}


class Killed(BaseException):
    """Nothing may catch this."""


class Executioner:
    """Counts the calls of all ports that it watches. `kill_at` is a call's number from 1, negative for just before that call."""

    def __init__(self, kill_at: int = 0) -> None:
        self.kill_at = kill_at
        self.calls: list[str] = []

    def watch(self, port: Any) -> Any:
        return _Watched(port, self)

    def run(self, name: str, call: Any, *args: Any, **kwargs: Any) -> Any:
        self.calls.append(name)
        if self.kill_at == -len(self.calls):
            raise Killed
        result = call(*args, **kwargs)
        if self.kill_at == len(self.calls):
            raise Killed
        return result


class Intruder(Executioner):
    """Acts once, right before a call, given by its number from 1. What it does itself is not counted."""

    def __init__(self, at: int, act: Callable[[], object]) -> None:
        super().__init__()
        self.acted = False
        self._at, self._act = at, act

    def run(self, name: str, call: Any, *args: Any, **kwargs: Any) -> Any:
        if self.acted:
            return call(*args, **kwargs)
        if self._at == len(self.calls) + 1:
            self.acted = True
            self._act()
        self.calls.append(name)
        return call(*args, **kwargs)


class _Watched:
    def __init__(self, port: Any, executioner: Executioner) -> None:
        self._port = port
        self._executioner = executioner

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._port, name)
        if name not in _COUNTED:
            return value
        label = f"{type(self._port).__name__}.{name}"
        return lambda *args, **kwargs: self._executioner.run(label, value, *args, **kwargs)
