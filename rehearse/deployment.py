"""`sam build` and `sam deploy`, as `make deploy` runs them, and what came out of it."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rehearse.emulator import Emulator

STACK = "mailroom"
ROOT = Path(__file__).resolve().parents[1]


class ToolFailed(Exception):
    """sam ended with an error; its output is the text."""


@dataclass(frozen=True, slots=True)
class Deployment:
    outputs: Mapping[str, str]
    resources: Mapping[str, str]
    """Logical id -> physical id."""

    def api(self, emulator: Emulator) -> str:
        """Base without /v0, which is the stage."""
        return f"{emulator.url}/_aws/execute-api/{self.resources['Api']}"

    def sockets(self, emulator: Emulator) -> str:
        """The same of the WebSocket API."""
        return f"{emulator.url}/_aws/execute-api/{self.resources['SocketsApi']}"


def deploy(sam: Path, emulator: Emulator, folder: Path, python: str, *, dns: str) -> Deployment:
    """`python`: version of the interpreter that the emulator runs functions with; `dns`: the resolver, as in MAILROOM_DNS. Raises
    ToolFailed."""
    parameters = [f"PythonRuntime=python{python}", f"Architecture={_architecture()}"]
    environment = _environment(sam, emulator, python)
    build, deployed = folder / "build", [*parameters, "ReceiveMail=false", "MailroomWebhookAllowPrivate=1", "MailroomSignUp=1"]
    deployed.append(f"MailroomDns={dns}")
    _run([str(sam), "build", "--no-cached", "--build-dir", str(build), "--parameter-overrides", *parameters], environment)
    arguments = ["--template-file", str(build / "template.yaml"), "--config-file", str(ROOT / "samconfig.toml")]
    arguments += ["--stack-name", STACK, "--no-confirm-changeset"]
    _run([str(sam), "deploy", *arguments, "--parameter-overrides", *deployed], environment)
    return _read(emulator)


def _read(emulator: Emulator) -> Deployment:
    cloudformation = emulator.client("cloudformation")
    stack = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
    resources = cloudformation.describe_stack_resources(StackName=STACK)["StackResources"]
    return Deployment(
        {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]},
        {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in resources},
    )


def _environment(sam: Path, emulator: Emulator, python: str) -> dict[str, str]:
    return {
        "PATH": f"{sam.parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(emulator.log.parent),
        "TMPDIR": str(emulator.log.parent),
        "SAM_CLI_TELEMETRY": "0",
        "MAILROOM_LAYER_RUNTIME": f"python{python}",
        "MAILROOM_LAYER_ARCHITECTURE": _architecture(),
        **{name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_", "LANG", "LC_"))},
        **emulator.environment(),
    }


def _architecture() -> str:
    return "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"


def _run(command: list[str], environment: Mapping[str, str]) -> None:
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True)
    if "NO BYTECODE" in done.stderr or "NO BYTECODE" in done.stdout:
        raise ToolFailed("the layers carry no bytecode")
    if done.returncode:
        raise ToolFailed(f"{' '.join(command[:2])} ended with {done.returncode}:\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}")
    print(f"  {Path(command[0]).name} {command[1]}: done", file=sys.stderr)
