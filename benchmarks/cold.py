"""Cold import of each handler in a fresh process, as a multiple of `import boto3` plus one client."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.report import Row
from local import template

ROUNDS = 5
_TIMED = "import time; started = time.perf_counter()\n{}\nprint(time.perf_counter() - started)"
_CLIENT = "import boto3; boto3.client('dynamodb')"
_BYTECODE = tempfile.TemporaryDirectory()
_ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
    # Both sides run from bytecode, as the layers ship it.
    "PYTHONPYCACHEPREFIX": _BYTECODE.name,
    "AWS_LAMBDA_FUNCTION_NAME": "bench",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
    **{f"MAILROOM_{name}": "bench" for name in ("CORE_TABLE", "IDX_TABLE", "EV_TABLE", "EPH_TABLE", "BUCKET", "CONFIGURATION_SET")},
    **{f"MAILROOM_{name}_QUEUE": "https://sqs.us-east-1.amazonaws.com/1/bench" for name in ("INBOUND", "PURGE", "NOTICES")},
}


def seconds(code: str) -> float:
    done = subprocess.run([sys.executable, "-c", _TIMED.format(code)], env=_ENVIRONMENT, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def run() -> list[Row]:
    modules = sorted({function.module for function in template.load(Path("template.yaml")).functions()})
    seconds(_CLIENT)
    rows = []
    for module in modules:
        seconds(f"import {module}")
        pairs = [(seconds(f"import {module}"), seconds(_CLIENT)) for _ in range(ROUNDS)]
        rows.append(Row(module, statistics.median(ours / theirs for ours, theirs in pairs), "x", bar=1.3))
    return rows
