from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mailroom.aws import clients
from mailroom.aws.build import QUEUES, TIMED, aws_runtime
from mailroom.runtime import current
from mailroom.store.schema import TABLES

ROOT = Path(__file__).resolve().parents[2]
CLIENTS = (clients.dynamodb, clients.s3, clients.sqs, clients.scheduler, clients.sesv2)
ENVIRONMENT = {
    **{f"MAILROOM_{table.upper()}_TABLE": f"{table}-table" for table in TABLES},
    **{f"MAILROOM_{queue.upper()}_QUEUE": f"https://sqs/{queue}" for queue in QUEUES},
    **{f"MAILROOM_{queue.upper()}_QUEUE_ARN": f"arn:{queue}" for queue in TIMED},
    **{f"MAILROOM_{queue.upper()}_DEAD_LETTER_QUEUE_ARN": f"arn:{queue}-dead" for queue in TIMED},
    "MAILROOM_TIMERS_GROUP": "timers",
    "MAILROOM_TIMERS_ROLE_ARN": "arn:role",
    "MAILROOM_BUCKET": "bucket",
    "MAILROOM_DOMAIN": "Example.com",
    "MAILROOM_SOCKETS_URL": "https://sockets.example.com/v0",
    "AWS_REGION": "eu-west-1",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    for cached in (aws_runtime, *CLIENTS):
        cached.cache_clear()


def test_a_function_gets_its_runtime_from_the_environment() -> None:
    runtime = current()

    assert runtime is aws_runtime()
    assert (runtime.config.domain, runtime.config.region) == ("example.com", "eu-west-1")


def test_a_missing_name_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAILROOM_BUCKET")

    with pytest.raises(KeyError, match="MAILROOM_BUCKET"):
        aws_runtime()


def test_only_the_item_client_is_made_at_start() -> None:
    aws_runtime()

    assert [client for client in CLIENTS if client.cache_info().currsize] == [clients.dynamodb]


HEAVY = ("boto3", "s3transfer", "jwt", "lxml", "pydantic", "pydantic_core", "dns", "cryptography", "email.mime", "mailroom.web")
HANDLERS = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in sorted(ROOT.glob("functions/*/[!_]*.py"))]


def loaded(modules: list[str], question: str) -> str:
    """What a fresh process answers once it has loaded these handlers as a Lambda function does."""
    program = f"import gc, sys, {', '.join(modules)}; print({question})"
    paths = os.pathsep.join(["layers/core", "."])
    environment = {**os.environ, "AWS_LAMBDA_FUNCTION_NAME": "test", "PYTHONPATH": paths}
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=ROOT, env=environment)
    return done.stdout.strip()


def test_no_function_loads_boto3_or_what_only_some_requests_need() -> None:
    assert loaded(HANDLERS, f"[name for name in {HEAVY} if name in sys.modules]") == "[]"


@pytest.mark.parametrize("module", ["functions.messages.reply_to_message", "functions.inbound.receive_mail"])
def test_the_garbage_collector_never_walks_all_that_a_function_loads(module: str) -> None:
    assert loaded([module], "gc.get_stats()[2]['collections'], gc.isenabled(), gc.get_freeze_count() > 50_000") == "0 True True"
