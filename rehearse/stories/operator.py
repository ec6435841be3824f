"""The operator's command on the deployed stack, and an agent that signs itself up."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import Any

from agentmail.core.api_error import ApiError

from rehearse.deployment import ROOT, STACK
from rehearse.stage import Stage, step, until

HUMAN = "ann@elsewhere.example"


def tell(stage: Stage) -> None:
    commanded(stage)
    examined(stage)
    signed_up(stage)


def commanded(stage: Stage) -> None:
    made = command(stage, "organizations", "create", "--name", "From the shell")
    client = stage.client(made["api_key"])
    inbox_id = client.inboxes.create().inbox_id
    listed = command(stage, "organizations", "list")["organizations"]
    assert made["organization_id"] in [each["organization_id"] for each in listed], listed
    command(stage, "organizations", "suspend", made["organization_id"])
    assert _refusal(client.inboxes.list) == 403
    command(stage, "organizations", "resume", made["organization_id"])
    assert [each.inbox_id for each in client.inboxes.list().inboxes] == [inbox_id]
    command(stage, "keys", "revoke", made["organization_id"], made["api_key_id"])
    assert _refusal(client.inboxes.list) == 401
    step("the operator's command makes an organization, suspends and resumes it, and revokes its key")


def examined(stage: Stage) -> None:
    """Much of what it looks at is not there in an emulator: then it has to say so, and go on."""
    report = command(stage, "doctor", codes=(0, 1))
    states = {each["check"]: each["state"] for each in report["findings"]}
    assert (states["stack"], states["queues"], states["dead letters"], states["clock"]) == ("ok",) * 4, states
    step(f"the doctor examines {len(states)} things")


def signed_up(stage: Stage) -> None:
    made = stage.client(None).agent.sign_up(username="newcomer", human_email=HUMAN)
    client = stage.client(made.api_key)
    assert _refusal(lambda: client.inboxes.messages.send(made.inbox_id, to="bob@elsewhere.example", text="Hello")) == 403
    client.inboxes.messages.send(made.inbox_id, to=HUMAN, text="Do you have a code for me?")
    assert client.agent.verify(otp_code=until(lambda: _code(stage, made.inbox_id), "the code is mailed")).verified
    client.inboxes.messages.send(made.inbox_id, to="bob@elsewhere.example", text="Hello")
    step("an agent signs itself up, writes to its human only, and to everybody once the code is confirmed")


def command(stage: Stage, *arguments: str, codes: tuple[int, ...] = (0,)) -> dict[str, Any]:
    """What `./mailroom --json` says."""
    site = ("--stack", STACK, "--endpoint-url", stage.emulator.url)
    environment = {**os.environ, **stage.emulator.environment(), "PYTHONPATH": f"{ROOT / 'layers/core'}{os.pathsep}{ROOT}"}
    said = subprocess.run(
        [sys.executable, "-m", "admin", *site, "--json", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode in codes, f"{arguments}: {said.returncode}\n{said.stdout}\n{said.stderr}"
    return dict(json.loads(said.stdout))


def _code(stage: Stage, inbox_id: str) -> str | None:
    mails = [str(mail) for mail in stage.sent() if inbox_id in str(mail) and "code" in str(mail)]
    found = [match[1] for mail in mails if (match := re.search(r"\b(\d{6})\b", mail))]
    return found[0] if found else None


def _refusal(attempt: Any) -> int | None:
    try:
        attempt()
    except ApiError as error:
        return error.status_code
    return None
