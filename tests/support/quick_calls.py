"""Calls of moto, made quick: by itself it tries five names for each of the ten members that an attribute value may have."""

from __future__ import annotations

from functools import cache
from typing import Any

from moto.core import responses
from moto.core.model import StructureShape
from moto.core.serialize import BaseJSONSerializer

PLAIN = {"S": str, "N": str, "BOOL": bool, "NULL": bool}


@cache
def quicken() -> None:
    """For the whole process, and once."""
    responses.method_names_from_class = cache(responses.method_names_from_class)  # type: ignore[attr-defined]
    written = BaseJSONSerializer._serialize_type_structure

    def structure(self: BaseJSONSerializer, serialized: Any, value: Any, shape: StructureShape, key: str) -> None:
        if key and shape.name == "AttributeValue" and type(value) is dict:
            self._default_serialize(serialized, attribute_value(self, value), shape, key)
        else:
            written(self, serialized, value, shape, key)

    BaseJSONSerializer._serialize_type_structure = structure  # type: ignore[method-assign]


def attribute_value(serializer: BaseJSONSerializer, value: dict[str, Any]) -> dict[str, Any]:
    """A value of DynamoDB as it is written to the wire."""
    [(kind, held)] = value.items()
    if kind == "M":
        return {kind: {name: attribute_value(serializer, each) for name, each in held.items()}}
    if kind == "L":
        return {kind: [attribute_value(serializer, each) for each in held]}
    if kind == "B":
        return {kind: serializer._base64(held)}
    if kind in ("SS", "NS"):
        return {kind: [*held]}
    assert type(held) is PLAIN[kind]
    return {kind: held}
