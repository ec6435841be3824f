"""openapi.yaml is published: it says what the template routes and the contract shapes."""

from __future__ import annotations

from collections import Counter

import yaml

from tests import openapi


def test_the_published_file_is_what_the_generator_makes() -> None:
    assert openapi.TARGET.read_text(encoding="utf-8") == openapi.text(), "run `make openapi`"


def test_operation_ids_are_unique() -> None:
    ids = Counter(openapi.operation_id(route) for route in openapi.described_routes())

    assert [name for name, count in ids.items() if count > 1] == []


def test_every_reference_leads_somewhere() -> None:
    text = openapi.TARGET.read_text(encoding="utf-8")
    schemas = yaml.safe_load(text)["components"]["schemas"]
    named = {line.rsplit("/", 1)[1].strip("'\"") for line in text.splitlines() if "#/components/schemas/" in line}

    assert named <= schemas.keys()


def test_a_path_names_all_its_variables() -> None:
    document = yaml.safe_load(openapi.TARGET.read_text(encoding="utf-8"))

    for path, operations in document["paths"].items():
        for operation in operations.values():
            in_path = {parameter["name"] for parameter in operation.get("parameters", ()) if parameter["in"] == "path"}
            assert in_path == {part.strip("{}") for part in path.split("/") if part.startswith("{")}
