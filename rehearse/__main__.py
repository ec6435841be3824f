"""`make rehearse`."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rehearse.adaptation import adapt
from rehearse.deployment import ROOT, deploy
from rehearse.emulator import Emulator, EmulatorFailed, running
from rehearse.stage import Stage
from rehearse.stories import events, mail

PYTHON = ROOT / ".venv-rehearse/bin/python"
SAM = ROOT / ".venv-sam/bin/sam"
STORIES = (mail, events)


def main() -> int:
    folder = Path(tempfile.mkdtemp(prefix="mailroom-rehearsal-"))
    started = time.monotonic()
    try:
        with running(PYTHON, folder) as emulator:
            deployment = deploy(SAM, emulator, folder, _version())
            adapt(emulator, deployment)
            for story in STORIES:
                story.tell(Stage(emulator, deployment))
            inspect(emulator)
    except Exception as failure:
        print(f"The rehearsal failed; the emulator's log is {folder / 'emulator.log'}", file=sys.stderr)
        if isinstance(failure, EmulatorFailed):
            return 1
        raise
    shutil.rmtree(folder, ignore_errors=True)
    print(f"The rehearsal passed in {time.monotonic() - started:.0f} s.")
    return 0


def inspect(emulator: Emulator) -> None:
    """A role that is too narrow may hide behind a retry or a tolerated failure."""
    lines = emulator.log.read_text(encoding="utf-8", errors="replace").splitlines()
    complaints = [line for line in lines if "is not authorized to perform" in line or '"level":"ERROR"' in line]
    assert not complaints, "\n".join(complaint[:400] for complaint in complaints[:5])


def _version() -> str:
    """Of the interpreter that the emulator runs functions with: its own."""
    probe = "import sys; print('%d.%d' % sys.version_info[:2])"
    return subprocess.run([str(PYTHON), "-c", probe], check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
