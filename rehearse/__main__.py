"""`make rehearse`."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from rehearse.adaptation import adapt
from rehearse.deployment import ROOT, deploy
from rehearse.emulator import Emulator, EmulatorFailed, running
from rehearse.stage import Stage
from rehearse.stories import drafts, events, lists, mail, operator, tenants, upkeep
from tests.support.nameserver import name_server

PYTHON = ROOT / ".venv-rehearse/bin/python"
SAM = ROOT / ".venv-sam/bin/sam"
STORIES = (mail, events, drafts, lists, tenants, operator, upkeep)


def main() -> int:
    folder = Path(tempfile.mkdtemp(prefix="mailroom-rehearsal-"))
    started = time.monotonic()
    try:
        with running(PYTHON, folder) as emulator, name_server() as names:
            deployment = deploy(SAM, emulator, folder, _version(), dns="{}:{}".format(*names.address))
            adapt(emulator, deployment)
            stage = Stage(emulator, deployment, names)
            for story in STORIES:
                story.tell(stage)
            inspect(stage)
    except Exception as failure:
        print(f"The rehearsal failed; the emulator's log is {folder / 'emulator.log'}", file=sys.stderr)
        if isinstance(failure, EmulatorFailed):
            return 1
        raise
    shutil.rmtree(folder, ignore_errors=True)
    print(f"The rehearsal passed in {time.monotonic() - started:.0f} s.")
    return 0


def inspect(stage: Stage) -> None:
    """A role that is too narrow may hide behind a retry or a tolerated failure."""
    emulator, deployment = stage.emulator, stage.deployment
    lines = [*emulator.log.read_text(encoding="utf-8", errors="replace").splitlines(), *_logged(emulator)]
    complaints = [line for line in lines if "is not authorized to perform" in line or '"level":"ERROR"' in line]
    assert not complaints, "\n".join(complaint[:2000] for complaint in complaints[:5])
    given_up = [name for name in deployment.resources if name.endswith("DeadLetterQueue") and stage.in_queue(name)]
    assert not given_up, given_up


def _logged(emulator: Emulator) -> Iterator[str]:
    logs = emulator.client("logs")
    for group in logs.describe_log_groups()["logGroups"]:
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"]):
            yield from (event["message"] for event in page["events"])


def _version() -> str:
    """Of the interpreter that the emulator runs functions with: its own."""
    probe = "import sys; print('%d.%d' % sys.version_info[:2])"
    return subprocess.run([str(PYTHON), "-c", probe], check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
