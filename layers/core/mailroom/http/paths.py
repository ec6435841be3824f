"""Path parameters, decoded exactly once from the path as it arrived (spec: README, messages.md "Path parsing")."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote


def path_parameters(resource: str, path: str, given: Mapping[str, str] | None = None) -> dict[str, str]:
    """Values for the `{names}` of `resource` (`/inboxes/{inbox_id}`), aligned from the right so that a base path does not matter.

    A path that does not have the resource's segments (a gateway that decoded slashes) falls back to the gateway's own parsing.
    """
    names = resource.strip("/").split("/")
    parts = path.strip("/").split("/")
    if names and names[-1].endswith("+}"):
        head = len(names) - 1
        offset = _offset(names[:head], parts)
        if offset is None:
            return dict(given or {})
        parts = [*parts[offset : offset + head], "/".join(parts[offset + head :])]
    else:
        parts = parts[-len(names) :]
    if len(parts) != len(names) or any(not _is_name(n) and n != p for n, p in zip(names, parts, strict=True)):
        return {name: unquote(value) for name, value in (given or {}).items()}
    return {name.strip("{}+"): unquote(part) for name, part in zip(names, parts, strict=True) if _is_name(name)}


def raw_tail(resource: str, path: str) -> str:
    """What stands for `{proxy+}` in the path, undecoded."""
    names = resource.strip("/").split("/")[:-1]
    parts = path.lstrip("/").split("/")
    offset = _offset(names, parts) or 0
    return "/".join(parts[offset + len(names) :])


def normalized_message_id(value: str) -> str:
    """A message id is accepted without its angle brackets."""
    return value if value.startswith("<") and value.endswith(">") else f"<{value}>"


def _is_name(segment: str) -> bool:
    return segment.startswith("{")


def _offset(names: list[str], parts: list[str]) -> int | None:
    """Where the resource's first segments start in the path."""
    for offset in range(len(parts) - len(names) + 1):
        if all(_is_name(name) or name == part for name, part in zip(names, parts[offset:], strict=False)):
            return offset
    return None
