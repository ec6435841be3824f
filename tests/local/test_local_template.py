from __future__ import annotations

from pathlib import Path

import pytest

from local.template import Function, Queue, TemplateError, load

HERE = Path(__file__).parent


def test_routes_are_those_of_the_api_events() -> None:
    routes = {(route.method, route.path) for route in load(HERE / "template.yaml").routes}

    assert ("GET", "/things/{thing_id}/raw") in routes
    assert ("ANY", "/things/{thing_id}/{proxy+}") in routes
    assert len(routes) == 9


def test_a_queue_knows_its_dead_letters_and_takes_numbers_from_parameters() -> None:
    queues = load(HERE / "template.yaml").queues

    assert queues["inbound"] == Queue("inbound", "inbounddeadletter", 2)
    assert queues["slow"] == Queue("slow")


def test_workers_and_schedules_are_read_with_their_functions() -> None:
    template = load(HERE / "template.yaml")

    assert [(each.queue, each.batch_size, each.partial) for each in template.queue_workers] == [("inbound", 5, True)]
    assert [(each.table, each.batch_size) for each in template.stream_workers] == [("core", 100)]
    assert [(each.every_s, each.input) for each in template.schedules] == [(3600, {"sweep": True}), (172_800, {})]
    assert template.queue_workers[0].function == Function("KeepMailFunction", "tests.local.tiny_handlers", "keep_mail")


def test_socket_routes_lead_through_their_integrations() -> None:
    routes = load(HERE.parents[1] / "template.yaml").socket_routes

    assert {key: function.module.rsplit(".", 1)[1] for key, function in routes.items()} == {
        "$connect": "connect_socket",
        "$default": "receive_frame",
        "$disconnect": "disconnect_socket",
    }
    assert load(HERE / "template.yaml").socket_routes == {}


def test_the_module_of_a_function_is_its_folder_and_handler(tmp_path: Path) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(
        "Resources:\n  F:\n    Type: AWS::Serverless::Function\n"
        "    Properties: {CodeUri: functions/messages, Handler: get_message.handler,"
        " Events: {A: {Type: Api, Properties: {Path: /a, Method: get}}}}\n"
    )

    assert load(path).routes[0].function == Function("F", "functions.messages.get_message", "handler")


@pytest.mark.parametrize(
    "text",
    [
        "- just a list",
        "Resources: [",
        "Resources: {F: {Type: AWS::Serverless::Function, Properties: {}}}",
        "Resources: {F: {Type: AWS::Serverless::Function, Properties: {CodeUri: a, Handler: b.c,"
        " Events: {E: {Type: Schedule, Properties: {Schedule: cron(0 1 * * ? *)}}}}}}",
        "Resources: {F: {Type: AWS::Serverless::Function, Properties: {CodeUri: a, Handler: b.c,"
        " Events: {E: {Type: DynamoDB, Properties: {Stream: !GetAtt IdxTable.StreamArn}}}}}}",
    ],
)
def test_what_cannot_be_run_here_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(text)

    with pytest.raises(TemplateError):
        load(path).functions()


def test_tags_cannot_build_python_objects(tmp_path: Path) -> None:
    path = tmp_path / "template.yaml"
    path.write_text("Resources: {A: !!python/object/apply:os.system ['true']}")

    with pytest.raises(TemplateError):
        load(path)
