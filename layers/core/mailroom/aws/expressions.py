"""The port's conditions and changes as DynamoDB expressions. Every attribute name is aliased: many of ours are reserved words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mailroom.aws.attribute_values import to_attribute
from mailroom.store.port import (
    Absent,
    Add,
    AllOf,
    AnyOf,
    AtLeast,
    AtMost,
    Change,
    Condition,
    Equals,
    Lacks,
    Present,
    Query,
    Remove,
    Set,
)


class Expressions:
    """Collects the names and values of the expressions of one request."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._values: dict[str, Any] = {}

    def arguments(self) -> dict[str, Any]:
        """`ExpressionAttributeNames` and `ExpressionAttributeValues`, as far as there are any."""
        arguments: dict[str, Any] = {}
        if self._names:
            arguments["ExpressionAttributeNames"] = {alias: name for name, alias in self._names.items()}
        if self._values:
            arguments["ExpressionAttributeValues"] = self._values
        return arguments

    def condition(self, condition: Condition) -> str:
        match condition:
            case Absent():
                return f"attribute_not_exists({self._name('pk')})"
            case Present():
                return f"attribute_exists({self._name('pk')})"
            case Lacks(attribute):
                return f"attribute_not_exists({self._name(attribute)})"
            case Equals(attribute, value):
                return f"{self._name(attribute)} = {self._value(value)}"
            case AtMost(attribute, bound):
                return f"{self._name(attribute)} <= {self._value(bound)}"
            case AtLeast(attribute, bound):
                return f"{self._name(attribute)} >= {self._value(bound)}"
            case AllOf(parts):
                return self._group(" AND ", parts)
            case AnyOf(parts):
                return self._group(" OR ", parts)

    def changes(self, changes: Sequence[Change]) -> str:
        clauses = {
            "SET": [f"{self._name(c.attribute)} = {self._value(c.value)}" for c in changes if isinstance(c, Set)],
            "ADD": [f"{self._name(c.attribute)} {self._value(c.amount)}" for c in changes if isinstance(c, Add)],
            "REMOVE": [self._name(c.attribute) for c in changes if isinstance(c, Remove)],
        }
        return " ".join(f"{verb} {', '.join(parts)}" for verb, parts in clauses.items() if parts)

    def key_condition(self, query: Query) -> str:
        expression = f"{self._name(query.index or 'pk')} = {self._value(query.pk)}"
        # An empty lower bound is none, and DynamoDB refuses the empty text.
        if query.low and query.high is not None:
            return f"{expression} AND {self._name('sk')} BETWEEN {self._value(query.low)} AND {self._value(query.high)}"
        if query.low:
            return f"{expression} AND {self._name('sk')} >= {self._value(query.low)}"
        if query.high is not None:
            return f"{expression} AND {self._name('sk')} <= {self._value(query.high)}"
        return expression

    def _group(self, operator: str, parts: Sequence[Condition]) -> str:
        return "(" + operator.join(self.condition(part) for part in parts) + ")"

    def _name(self, attribute: str) -> str:
        return self._names.setdefault(attribute, f"#{len(self._names)}")

    def _value(self, value: Any) -> str:
        alias = f":{len(self._values)}"
        self._values[alias] = to_attribute(value)
        return alias
