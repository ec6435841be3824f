"""Cold import of each handler in a fresh process, as a multiple of `import boto3` plus one client.

The rounds go over all handlers, and after each one comes a run of the yardstick: what else the machine does for a while costs every
handler one run rather than one handler all of its runs.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.report import Row
from local import template
from mailroom.aws.build import QUEUES, TIMED

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
    **{
        f"MAILROOM_{name}": "bench"
        for name in (
            *("CORE_TABLE", "IDX_TABLE", "EV_TABLE", "EPH_TABLE", "BUCKET", "CONFIGURATION_SET", "SOCKETS_URL"),
            *("TIMERS_GROUP", "TIMERS_ROLE_ARN"),
            *(f"{queue.upper()}_QUEUE" for queue in QUEUES),
            *(f"{queue.upper()}_{what}" for queue in TIMED for what in ("QUEUE_ARN", "DEAD_LETTER_QUEUE_ARN")),
        )
    },
}


def seconds(code: str) -> float:
    done = subprocess.run([sys.executable, "-c", _TIMED.format(code)], env=_ENVIRONMENT, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def run() -> list[Row]:
    """The shortest of some runs each, taken in turns: what else the machine does only ever adds."""
    modules = sorted({function.module for function in template.load(Path("template.yaml")).functions()})
    for code in (_CLIENT, *map("import {}".format, modules)):
        seconds(code)
    ours: dict[str, list[float]] = {module: [] for module in modules}
    unit: dict[str, list[float]] = {module: [] for module in modules}
    for _ in range(ROUNDS):
        for module in modules:
            ours[module].append(seconds(f"import {module}"))
            unit[module].append(seconds(_CLIENT))
    return [Row(module, min(ours[module]) / min(unit[module]), "x", bar=1.3) for module in modules]
