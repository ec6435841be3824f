"""What is running here."""

from __future__ import annotations

import platform
import tomllib
from pathlib import Path

from admin.doctor.findings import Finding, ok

PROJECT = Path(__file__).parent.parent.parent / "pyproject.toml"


def mailroom() -> str:
    return str(tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["version"])


def versions(**others: str) -> Finding:
    known = {"Mailroom": mailroom(), "Python": platform.python_version(), **others}
    return ok(", ".join(f"{name} {version}" for name, version in known.items()) + ".")
