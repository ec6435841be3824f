"""API Gateway's path matching: per segment a static word goes before `{param}`, that before a greedy `{proxy+}`.

Paths are matched as they arrived, undecoded, so an escaped slash stays inside its segment.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from local.template import Function, Route

ANY = "ANY"


class Match(NamedTuple):
    resource: str
    """The route's path, as in the template."""
    methods: dict[str, Function]
    parameters: dict[str, str]
    """Undecoded."""

    def function(self, method: str) -> Function | None:
        return self.methods.get(method) or self.methods.get(ANY)


class _Node:
    __slots__ = ("greedy", "greedy_name", "methods", "parameter", "parameter_name", "resource", "words")

    def __init__(self) -> None:
        self.words: dict[str, _Node] = {}
        self.parameter: _Node | None = None
        self.parameter_name = ""
        self.greedy: _Node | None = None
        self.greedy_name = ""
        self.methods: dict[str, Function] = {}
        self.resource = ""


class Router:
    def __init__(self, routes: Iterable[Route]) -> None:
        self._root = _Node()
        for route in routes:
            node = self._root
            for segment in _segments(route.path):
                node = _child(node, segment)
            node.resource = route.path
            node.methods[route.method] = route.function

    def match(self, path: str) -> Match | None:
        """None where no resource has that path; whether it has the method is asked of the match."""
        segments = _segments(path)
        found: dict[str, str] = {}
        node = _find(self._root, segments, 0, found)
        return None if node is None else Match(node.resource, node.methods, found)


def _segments(path: str) -> list[str]:
    return [] if path == "/" else path[1:].split("/")


def _child(node: _Node, segment: str) -> _Node:
    if segment.startswith("{") and segment.endswith("+}"):
        node.greedy, node.greedy_name = node.greedy or _Node(), segment[1:-2]
        return node.greedy
    if segment.startswith("{"):
        node.parameter, node.parameter_name = node.parameter or _Node(), segment[1:-1]
        return node.parameter
    return node.words.setdefault(segment, _Node())


def _find(node: _Node, segments: list[str], at: int, found: dict[str, str]) -> _Node | None:
    if at == len(segments):
        return node if node.methods else None
    segment = segments[at]
    word = node.words.get(segment)
    if word is not None and (deeper := _find(word, segments, at + 1, found)) is not None:
        return deeper
    if segment and node.parameter is not None and (deeper := _find(node.parameter, segments, at + 1, found)) is not None:
        found[node.parameter_name] = segment
        return deeper
    if node.greedy is not None and (rest := "/".join(segments[at:])):
        found[node.greedy_name] = rest
        return node.greedy
    return None
