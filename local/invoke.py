"""Calls the functions of the template in process, as Lambda calls them: an event and a context in, the handler's result out."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from local.template import Function
from mailroom.runtime import Runtime, using

Handler = Callable[[Any, Any], Any]
Call = Callable[[Function, Any, str], Any]
"""(function, event, request id) -> result; raises what the handler raises."""

TIMEOUT_MS = 30_000


@dataclass(frozen=True, slots=True)
class LambdaContext:
    """What handlers (and Powertools) read of Lambda's context object."""

    function_name: str
    aws_request_id: str
    function_version: str = "$LATEST"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = field(default="")

    def get_remaining_time_in_millis(self) -> int:
        return TIMEOUT_MS


class Invoker:
    """Runs handlers under one stack's runtime. Modules are imported on first use."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._handlers: dict[Function, Handler] = {}

    def call(self, function: Function, event: Any, request_id: str) -> Any:
        handler = self._handlers.get(function) or self._load(function)
        with using(self._runtime):
            return handler(event, LambdaContext(function.name, request_id))

    def load(self, functions: Iterable[Function]) -> None:
        """Imports the functions now. Raises ImportError or AttributeError for one that is not there."""
        for function in functions:
            self._load(function)

    def _load(self, function: Function) -> Handler:
        handler: Handler = getattr(importlib.import_module(function.module), function.attribute)
        self._handlers[function] = handler
        return handler
