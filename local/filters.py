"""Which changes a stream worker gets: `FilterCriteria` of template.yaml, as far as our filters go. A pattern names attributes of
the new or old image; each takes texts that it may equal, `{"prefix": text}` or `{"exists": bool}`. All attributes must fit, of the
patterns one.

What DynamoDB calls INSERT and MODIFY cannot be told apart for a table whose stream has new images only, so `eventName` is refused.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from mailroom.store.port import ChangeRecord, Item, Table

if TYPE_CHECKING:
    from local.store.changelog import Wanted
    from local.store.rows import Encoded

_TYPES = {"S": str, "N": int}


class Rule(NamedTuple):
    """One must be given."""

    equals: str | None = None
    prefix: str | None = None
    exists: bool | None = None

    def fits(self, value: str | None) -> bool:
        if value is None:
            return self.exists is False
        return self.exists is True or value == self.equals or (self.prefix is not None and value.startswith(self.prefix))


class Field(NamedTuple):
    image: str
    """`NewImage` or `OldImage`."""
    attribute: str
    kind: str
    rules: tuple[Rule, ...]

    def fits(self, change: ChangeRecord) -> bool:
        image = change.new if self.image == "NewImage" else change.old
        value = _text(image, self.attribute, self.kind)
        return any(rule.fits(value) for rule in self.rules)


Pattern = tuple[Field, ...]


def pattern(text: str) -> Pattern:
    """Raises ValueError for anything that is not understood here."""
    try:
        images = json.loads(text)["dynamodb"]
        fields = [
            Field(image, attribute, kind, tuple(_rule(given) for given in rules))
            for image, attributes in images.items()
            for attribute, kinds in attributes.items()
            for kind, rules in kinds.items()
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"a filter that cannot be used here: {text}") from error
    understood = all(field.image in ("NewImage", "OldImage") and field.kind in _TYPES and field.rules for field in fields)
    if not fields or not understood or set(json.loads(text)) != {"dynamodb"}:
        raise ValueError(f"a filter that cannot be used here: {text}")
    return tuple(fields)


def passes(change: ChangeRecord, patterns: Sequence[Pattern]) -> bool:
    return not patterns or any(all(field.fits(change) for field in each) for each in patterns)


def sieve(table: Table, patterns: Sequence[Pattern]) -> Wanted:
    """A cheap test of changes as the log keeps them, encoded: it lets through what may pass, and little else."""
    hints = [[_hint(field) for field in each] for each in patterns]

    def wanted(changed: Table, pk: str, sk: str, old: Encoded | None, new: Encoded | None) -> bool:
        if changed != table:
            return False
        return not hints or any(all(hint(pk, sk, old, new) for hint in each) for each in hints)

    return wanted


def _hint(field: Field) -> Callable[[str, str, Encoded | None, Encoded | None], bool]:
    needles = [_needle(field, rule) for rule in field.rules]
    as_bytes = [needle.encode() for needle in needles]
    may_lack = any(rule.exists is False for rule in field.rules)

    def fits(pk: str, sk: str, old: Encoded | None, new: Encoded | None) -> bool:
        image = new if field.image == "NewImage" else old
        if may_lack or image is None:
            return may_lack
        if field.attribute in ("pk", "sk"):
            value = pk if field.attribute == "pk" else sk
            return any(rule.fits(value) for rule in field.rules)
        if isinstance(image, str):
            return any(needle in image for needle in needles)
        return any(needle in image for needle in as_bytes)

    return fits


def _needle(field: Field, rule: Rule) -> str:
    """What an encoded image holds where the rule fits."""
    name = f"{_json(field.attribute)}:"
    value = rule.equals if rule.equals is not None else rule.prefix or ""
    return name if rule.exists else name + (_json(value)[:-1] if field.kind == "S" else value)


def _json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _rule(given: Any) -> Rule:
    if isinstance(given, str):
        return Rule(equals=given)
    if isinstance(given, Mapping) and len(given) == 1:
        ((name, value),) = given.items()
        if name == "prefix" and isinstance(value, str):
            return Rule(prefix=value)
        if name == "exists" and isinstance(value, bool):
            return Rule(exists=value)
    raise ValueError(given)


def _text(image: Item | None, attribute: str, kind: str) -> str | None:
    value = (image or {}).get(attribute)
    return str(value) if type(value) is _TYPES[kind] else None
