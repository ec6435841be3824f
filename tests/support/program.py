"""`python -m local` in a process of its own: to be started, killed and started again on the same data."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
MODULE = ("-m", "local")


class Program:
    """`environment` are settings; ports are chosen by the system unless given."""

    def __init__(self, *arguments: str, command: Sequence[str] = MODULE, **environment: str) -> None:
        settings = {"MAILROOM_PORT": "0", "MAILROOM_SMTP_PORT": "0", "PYTHONPATH": f"{ROOT / 'layers' / 'core'}:{ROOT}"}
        # Not a pipe: a full one would hold the program up.
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed by `wait`
        self.process = subprocess.Popen(
            [sys.executable, *command, *arguments],
            env=os.environ | settings | environment,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            cwd=ROOT,
        )

    def ready(self) -> dict[str, Any]:
        """What the program says of itself once it serves."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("{"):
                return json.loads(line)  # type: ignore[no-any-return]
        raise AssertionError(self.wait()[1])

    def end(self, number: signal.Signals) -> tuple[int, str]:
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> tuple[int, str]:
        """Exit code and what it said on standard error."""
        self.process.communicate(timeout=60)
        with self._errors as errors:
            errors.seek(0)
            return self.process.returncode, errors.read()

    def kill(self) -> None:
        """At once, whatever it is doing; nothing if it has ended."""
        if self.process.poll() is None:
            self.end(signal.SIGKILL)
