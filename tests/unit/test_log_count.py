"""Lines that count: metrics on AWS, plain lines on one machine."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from mailroom import log
from mailroom.errors import LoopDetected
from mailroom.messages.loops import require_no_loop


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[dict[str, Any]]]:
    stream = io.StringIO()
    monkeypatch.setattr(log.logger.registered_handler, "stream", stream)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_refused_loop_is_one_line_that_cloudwatch_counts_by_reason(lines: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "reply")

    with pytest.raises(LoopDetected):
        require_no_loop("null-sender", None, forced=False, now=1, limit=1)

    [line] = lines()
    [directive] = line["_aws"]["CloudWatchMetrics"]
    assert (line["loops_refused"], line["reason"]) == (1, "null-sender")
    assert directive == {
        "Namespace": "Mailroom",
        "Dimensions": [["reason"]],
        "Metrics": [{"Name": "loops_refused", "Unit": "Count"}],
    }
    assert "example.com" not in json.dumps(line)


def test_on_one_machine_the_same_line_stands_alone(lines: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_LAMBDA_FUNCTION_NAME", raising=False)

    log.count("loops_refused", reason="own")

    [line] = lines()
    assert (line["message"], line["loops_refused"], line["reason"]) == ("loops_refused", 1, "own")
    assert "_aws" not in line


def test_the_line_of_a_request_keeps_its_metrics(lines: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "reply")

    log.request("GET /x", 503, 0.0, request_id="r", organization_id=None, trips=2, code=None)

    [line] = lines()
    [directive] = line["_aws"]["CloudWatchMetrics"]
    assert (line["trips"], line["errors"], directive["Dimensions"]) == (2, 1, [["route"]])
    assert {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]} == {
        "duration_ms": "Milliseconds",
        "trips": "Count",
        "errors": "Count",
    }
