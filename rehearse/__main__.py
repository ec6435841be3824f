"""`make rehearse`."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rehearse.deployment import ROOT, Deployment, deploy
from rehearse.emulator import Emulator, EmulatorFailed, running
from rehearse.story import tell

PYTHON = ROOT / ".venv-rehearse/bin/python"
SAM = ROOT / ".venv-sam/bin/sam"
SENDERS = ("MessageSenderRole", "MessageRouterRole")


def main() -> int:
    folder = Path(tempfile.mkdtemp(prefix="mailroom-rehearsal-"))
    started = time.monotonic()
    try:
        with running(PYTHON, folder) as emulator:
            deployment = deploy(SAM, emulator, folder, _version())
            adapt(emulator, deployment)
            tell(emulator, deployment)
            inspect(emulator)
    except Exception as failure:
        print(f"The rehearsal failed; the emulator's log is {folder / 'emulator.log'}", file=sys.stderr)
        if isinstance(failure, EmulatorFailed):
            return 1
        raise
    shutil.rmtree(folder, ignore_errors=True)
    print(f"The rehearsal passed in {time.monotonic() - started:.0f} s.")
    return 0


def adapt(emulator: Emulator, deployment: Deployment) -> None:
    """Where the emulator is not AWS: it speaks plain HTTP, which the bucket refuses; and it judges `ses:SendEmail` by the resource
    `*`, where SES names the identity. The verified domain is what an operator brings."""
    emulator.client("s3").delete_bucket_policy(Bucket=deployment.outputs["BucketName"])
    statement = {"Effect": "Allow", "Action": ["ses:SendEmail", "ses:SendRawEmail"], "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    for role in SENDERS:
        emulator.client("iam").put_role_policy(RoleName=deployment.resources[role], PolicyName="emulator", PolicyDocument=policy)
    emulator.client("sesv2").create_email_identity(EmailIdentity="mailroom.local")


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
