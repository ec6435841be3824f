"""Template, function files and sample events name the same things the same way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.sample_events import FOLDER, sample_events
from tests.template.documents import ROOT, of_type, written

FUNCTIONS = dict(of_type("AWS::Serverless::Function"))


def file_of(properties: Any) -> Path:
    module = properties["Handler"].removesuffix(".handler")
    return Path(properties["CodeUri"]) / f"{module}.py"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_has_a_file_of_its_name(name: str) -> None:
    path = ROOT / file_of(FUNCTIONS[name])

    assert path.is_file()
    assert name == "".join(word.capitalize() for word in path.stem.split("_")) + "Function"


def test_every_function_file_is_in_the_template() -> None:
    files = {path.relative_to(ROOT) for path in (ROOT / "functions").glob("*/*.py") if path.stem != "__init__"}

    assert files == {file_of(properties) for properties in FUNCTIONS.values()}


def test_no_function_brings_dependencies_of_its_own() -> None:
    assert not list((ROOT / "functions").rglob("requirements*.txt"))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_has_a_sample_event(name: str) -> None:
    path = file_of(FUNCTIONS[name]).relative_to("functions").with_suffix(".json")

    assert (FOLDER / path).is_file()


def test_sample_events_are_what_the_generator_makes() -> None:
    committed = {path.relative_to(FOLDER): json.loads(path.read_text(encoding="utf-8")) for path in FOLDER.rglob("*.json")}

    assert committed == sample_events(), "run `python -m tests.sample_events`"


def test_no_two_routes_are_the_same() -> None:
    routes = [
        (event["Properties"]["Method"], event["Properties"]["Path"])
        for properties in FUNCTIONS.values()
        for event in properties.get("Events", {}).values()
        if event["Type"] == "Api"
    ]

    assert len(routes) == len(set(routes))


def test_a_path_segment_has_at_most_one_variable_form() -> None:
    """API Gateway refuses `/a/{b}` beside `/a/{c}` or `/a/{proxy+}`."""
    paths = {
        event["Properties"]["Path"]
        for properties in FUNCTIONS.values()
        for event in properties.get("Events", {}).values()
        if event["Type"] == "Api"
    }
    variables: dict[str, set[str]] = {}
    for path in paths:
        segments = path.split("/")
        for depth, segment in enumerate(segments):
            if segment.startswith("{"):
                variables.setdefault("/".join(segments[:depth]), set()).add(segment)

    assert {parent: names for parent, names in variables.items() if len(names) > 1} == {}


def test_settings_are_parameters_of_the_same_name() -> None:
    variables = written()["Globals"]["Function"]["Environment"]["Variables"]
    settings = {name: value["Ref"] for name, value in variables.items() if value.get("Ref", "").startswith("Mailroom")}

    assert settings == {name: "".join(word.capitalize() for word in name.split("_")) for name in settings}
    assert set(settings.values()) == {name for name in written()["Parameters"] if name.startswith("Mailroom")}
