"""template.yaml as tests look at it: as written, and as CloudFormation gets it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from boto3.session import Session
from samtranslator.parser.parser import Parser  # type: ignore[import-untyped]
from samtranslator.translator.translator import Translator  # type: ignore[import-untyped]
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "template.yaml"

Resource = Mapping[str, Any]


@cache
def written() -> dict[str, Any]:
    document: dict[str, Any] = yaml_parse(TEMPLATE.read_text(encoding="utf-8"))
    return document


@cache
def expanded() -> dict[str, Any]:
    """After the SAM transform, as if the code had been uploaded."""
    document = yaml_parse(TEMPLATE.read_text(encoding="utf-8"))
    for resource in document["Resources"].values():
        for uri in {"CodeUri", "ContentUri"} & resource.get("Properties", {}).keys():
            resource["Properties"][uri] = "s3://bucket/key"
    translator = Translator({}, Parser(), boto_session=Session(region_name="us-east-1"))
    return dict(translator.translate(document, parameter_values={}))


def of_type(kind: str, document: Mapping[str, Any] | None = None) -> Iterator[tuple[str, Resource]]:
    for name, resource in (document or written())["Resources"].items():
        if resource["Type"] == kind:
            yield name, resource.get("Properties", {})


def statements() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every Allow statement of the roles and their policies, with the name of what holds it."""
    for name, policy in of_type("AWS::IAM::ManagedPolicy"):
        yield from ((name, statement) for statement in policy["PolicyDocument"]["Statement"])
    for name, role in of_type("AWS::IAM::Role"):
        for policy in role.get("Policies", ()):
            yield from ((name, statement) for statement in policy["PolicyDocument"]["Statement"])


def listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value]
