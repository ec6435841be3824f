"""Packages of the TypeScript check (tests/typescript), installed on first use below `build/`."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SOURCE = ROOT / "tests" / "typescript"
OLDEST = 18
"""Of Node, that the SDK takes."""

_OFFLINE = frozenset(
    {"EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ENETUNREACH", "ENOTFOUND", "ENOTCACHED", "ERR_SOCKET_TIMEOUT", "ETIMEDOUT"}
)


def node() -> str:
    """The interpreter. Skips the test where there is none (docs/decisions/0012)."""
    found = shutil.which("node")
    if found is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not installed: what the TypeScript SDK makes of frames is not checked")
    version = subprocess.run([found, "--version"], check=True, capture_output=True, text=True).stdout.strip()
    if int(version.lstrip("v").partition(".")[0]) < OLDEST:
        pytest.skip(f"node {version} is too old for the TypeScript SDK, which is therefore not checked")
    return found


def modules() -> Path:
    """Where packages are required from. Skips the test if they are not there and npm cannot reach a registry."""
    lock = (SOURCE / "package-lock.json").read_bytes()
    installed = ROOT / "build" / f"typescript-{hashlib.sha256(lock).hexdigest()[:12]}"
    if not installed.exists():
        _install(installed)
    return installed / "node_modules"


def _install(target: Path) -> None:
    """All of it or nothing, whoever else is at it."""
    target.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        made = Path(folder) / "made"
        made.mkdir()
        for name in ("package.json", "package-lock.json"):
            shutil.copy(SOURCE / name, made)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        done = subprocess.run(command, cwd=made, check=False, capture_output=True, text=True, timeout=150)
        if done.returncode and _OFFLINE & set(re.findall(r"\bE[A-Z_]+\b", done.stderr)):
            pytest.skip("npm cannot reach a registry: what the TypeScript SDK makes of frames is not checked")
        assert done.returncode == 0, done.stderr
        if not target.exists():
            made.rename(target)
