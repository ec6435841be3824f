"""What template.yaml declares, as the one-machine side needs it. What is not there does not exist locally either."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

try:
    # Several times as fast, where yaml was built with it.
    from yaml import CSafeLoader as SafeLoader
except ImportError:
    from yaml import SafeLoader  # type: ignore[assignment]

from local.filters import Pattern, pattern

DEFAULT_BATCH = 10
DEFAULT_STREAM_BATCH = 100
DEFAULT_MAX_RECEIVES = 5

_INTEGRATED = re.compile(r"\$\{(\w+)\.Arn\}/invocations")
_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_UNIT_SECONDS = {"minute": 60, "hour": 3600, "day": 86400}


class TemplateError(Exception):
    """The template says something that cannot be run here; the text names the resource."""


@dataclass(frozen=True, slots=True)
class Function:
    name: str
    """Logical id."""
    module: str
    attribute: str


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    """Upper case; `ANY` takes every method."""
    path: str
    """Without the stage, as in `/inboxes/{inbox_id}`."""
    function: Function


@dataclass(frozen=True, slots=True)
class Queue:
    name: str
    """As `ports.Queues` names it: logical id without `Queue`, lower case."""
    dead_letter: str | None = None
    max_receives: int = DEFAULT_MAX_RECEIVES


@dataclass(frozen=True, slots=True)
class QueueWorker:
    queue: str
    function: Function
    batch_size: int
    partial: bool
    """Honours `batchItemFailures`."""
    concurrency: int | None = None
    """How many may run at once; where it says so, they are shared among the groups of the messages."""


@dataclass(frozen=True, slots=True)
class StreamWorker:
    table: Literal["core", "ev"]
    function: Function
    batch_size: int
    partial: bool
    filters: tuple[Pattern, ...] = ()
    at_once: bool = False
    """Says that it waits for no more changes to gather: `MaximumBatchingWindowInSeconds: 0`."""


@dataclass(frozen=True, slots=True)
class Schedule:
    name: str
    function: Function
    every_s: int
    input: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Template:
    routes: tuple[Route, ...]
    queues: Mapping[str, Queue]
    queue_workers: tuple[QueueWorker, ...]
    stream_workers: tuple[StreamWorker, ...]
    schedules: tuple[Schedule, ...]
    socket_routes: Mapping[str, Function] = field(default_factory=dict)
    """`$connect`, `$default` and `$disconnect` of the WebSocket API; empty where there is none."""

    def functions(self) -> set[Function]:
        entries: tuple[Route | QueueWorker | StreamWorker | Schedule, ...] = (
            *self.routes,
            *self.queue_workers,
            *self.stream_workers,
            *self.schedules,
        )
        return {entry.function for entry in entries} | set(self.socket_routes.values())


def load(path: Path) -> Template:
    """Raises TemplateError; OSError if the file cannot be read."""
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except yaml.YAMLError as error:
        raise TemplateError(f"{path.name} is not YAML: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("Resources"), dict):
        raise TemplateError(f"{path.name} has no Resources")
    return _Reader(document).read()


class _Loader(SafeLoader):
    """Reads `!Sub x` as `{"Fn::Sub": "x"}`, the long form of CloudFormation."""


def _tagged(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        text = loader.construct_scalar(node)
        return {name: str(text).split(".", 1) if suffix == "GetAtt" else text}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {name: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _tagged)


class _Reader:
    def __init__(self, document: Mapping[str, Any]) -> None:
        self._resources: Mapping[str, Mapping[str, Any]] = document["Resources"]
        self._parameters: Mapping[str, Mapping[str, Any]] = document.get("Parameters") or {}
        self._defaults: Mapping[str, Any] = ((document.get("Globals") or {}).get("Function")) or {}

    def read(self) -> Template:
        routes: list[Route] = []
        queue_workers: list[QueueWorker] = []
        stream_workers: list[StreamWorker] = []
        schedules: list[Schedule] = []
        for function, name, kind, event in self._events():
            if kind in ("Api", "HttpApi"):
                routes.append(Route(event["Method"].upper(), event["Path"], function))
            elif kind == "SQS":
                queue = queue_name(_logical_id(event["Queue"]))
                scaling = (event.get("ScalingConfig") or {}).get("MaximumConcurrency")
                concurrency = None if scaling is None else int(self._value(scaling))
                batch = self._batch(event, DEFAULT_BATCH)
                queue_workers.append(QueueWorker(queue, function, batch, _partial(event), concurrency))
            elif kind == "DynamoDB":
                stream_workers.append(self._stream_worker(event, function))
            elif kind in ("Schedule", "ScheduleV2"):
                schedules.append(_schedule(f"{function.name}.{name}", function, event))
        return Template(
            tuple(routes), self._queues(), tuple(queue_workers), tuple(stream_workers), tuple(schedules), self._socket_routes()
        )

    def _socket_routes(self) -> dict[str, Function]:
        """Route key -> function, through the integration that each route names."""
        functions = {name: self._function(name, properties) for name, properties in self._of_type("AWS::Serverless::Function")}
        integrations = {
            name: functions[_integrated(name, properties)] for name, properties in self._of_type("AWS::ApiGatewayV2::Integration")
        }
        return {
            properties["RouteKey"]: integrations[_logical_id(properties["Target"]["Fn::Join"][1][1])]
            for _, properties in self._of_type("AWS::ApiGatewayV2::Route")
        }

    def _events(self) -> Iterator[tuple[Function, str, str, Mapping[str, Any]]]:
        for logical_id, properties in self._of_type("AWS::Serverless::Function"):
            function = self._function(logical_id, properties)
            for name, event in (properties.get("Events") or {}).items():
                yield function, name, event["Type"], event.get("Properties") or {}

    def _of_type(self, kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for logical_id, resource in self._resources.items():
            if resource.get("Type") == kind:
                yield logical_id, resource.get("Properties") or {}

    def _function(self, logical_id: str, properties: Mapping[str, Any]) -> Function:
        code = properties.get("CodeUri", self._defaults.get("CodeUri"))
        handler = properties.get("Handler", self._defaults.get("Handler"))
        if not isinstance(code, str) or not isinstance(handler, str) or "." not in handler:
            raise TemplateError(f"{logical_id} needs a CodeUri that is a folder and a Handler `module.handler`")
        module, _, attribute = handler.rpartition(".")
        steps = [step for step in (*code.split("/"), *re.split(r"[./]", module)) if step not in ("", ".")]
        return Function(logical_id, ".".join(steps), attribute)

    def _queues(self) -> dict[str, Queue]:
        queues = (self._queue(logical_id, properties) for logical_id, properties in self._of_type("AWS::SQS::Queue"))
        return {queue.name: queue for queue in queues}

    def _queue(self, logical_id: str, properties: Mapping[str, Any]) -> Queue:
        redrive = properties.get("RedrivePolicy")
        if not redrive:
            return Queue(queue_name(logical_id))
        return Queue(
            queue_name(logical_id),
            queue_name(_logical_id(redrive["deadLetterTargetArn"])),
            int(self._value(redrive["maxReceiveCount"])),
        )

    def _stream_worker(self, event: Mapping[str, Any], function: Function) -> StreamWorker:
        given = (event.get("FilterCriteria") or {}).get("Filters") or ()
        try:
            filters = tuple(pattern(each["Pattern"]) for each in given)
        except ValueError as error:
            raise TemplateError(f"{function.name}: {error}") from error
        at_once = event.get("MaximumBatchingWindowInSeconds") == 0
        batch = self._batch(event, DEFAULT_STREAM_BATCH)
        return StreamWorker(_table(event, function), function, batch, _partial(event), filters, at_once)

    def _batch(self, event: Mapping[str, Any], default: int) -> int:
        return int(self._value(event.get("BatchSize", default)))

    def _value(self, value: Any) -> Any:
        """A literal, or the default of the parameter that `!Ref` names."""
        if isinstance(value, Mapping) and "Ref" in value:
            return self._parameters[value["Ref"]]["Default"]
        return value


def queue_name(logical_id: str) -> str:
    return logical_id.replace("Queue", "").lower()


def _logical_id(value: Any) -> str:
    if isinstance(value, Mapping):
        if "Ref" in value:
            return str(value["Ref"])
        target = value.get("Fn::GetAtt")
        if target:
            return str(target.split(".")[0] if isinstance(target, str) else target[0])
    raise TemplateError(f"cannot tell which resource {value!r} is")


def _integrated(name: str, properties: Mapping[str, Any]) -> str:
    match = _INTEGRATED.search(str(properties["IntegrationUri"]))
    if match is None:
        raise TemplateError(f"{name} names no function")
    return match[1]


def _partial(event: Mapping[str, Any]) -> bool:
    return "ReportBatchItemFailures" in (event.get("FunctionResponseTypes") or ())


def _table(event: Mapping[str, Any], function: Function) -> Literal["core", "ev"]:
    match _logical_id(event["Stream"]):
        case "CoreTable":
            return "core"
        case "EvTable":
            return "ev"
        case other:
            raise TemplateError(f"{function.name} reads the stream of {other}; only CoreTable and EvTable have one")


def _schedule(name: str, function: Function, event: Mapping[str, Any]) -> Schedule:
    expression = str(event.get("ScheduleExpression", event.get("Schedule")))
    match = _RATE.fullmatch(expression)
    if match is None:
        raise TemplateError(f"{name}: only rate(...) schedules can be run here, not {expression}")
    return Schedule(name, function, int(match[1]) * _UNIT_SECONDS[match[2]], json.loads(event.get("Input") or "{}"))
