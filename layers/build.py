"""Builds a layer into a folder: `python layers/build.py core|dependencies <folder>`, in the project's root.

Both carry hash-based bytecode (PEP 552), compiled by an interpreter of the runtime's own minor version: without it Lambda compiles
every module anew in each cold start. Runtime and architecture are the defaults of template.yaml, or MAILROOM_LAYER_RUNTIME
(`python3.13`) and MAILROOM_LAYER_ARCHITECTURE (`arm64`, `x86_64`) where the stack is deployed with other parameters.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = ROOT / "requirements" / "runtime.txt"
MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
SERVICES = {"apigatewaymanagementapi", "dynamodb", "s3", "scheduler", "sesv2", "sqs", "sts"}
UNUSED = (
    "*.dist-info",
    "bin",
    "**/tests",
    "**/*.pyi",
    "**/py.typed",
    "**/*.pxd",
    "**/*.pxi",
    "**/*.pyx",
    "**/*.h",
    "botocore/data/*/*/examples-1.json*",
    "lxml/isoschematron",
    "lxml/includes",
    "lxml/objectify*",
    "pydantic/v1",
    "pydantic/mypy.py",
    "aws_lambda_powertools/event_handler",
)


def main(layer: str, artifacts: Path) -> None:
    target = artifacts / "python"
    target.mkdir(parents=True, exist_ok=True)
    version = setting("MAILROOM_LAYER_RUNTIME", "PythonRuntime").removeprefix("python")
    if layer == "core":
        shutil.copytree(
            ROOT / "layers/core/mailroom", target / "mailroom", ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True
        )
    else:
        install(target, version, setting("MAILROOM_LAYER_ARCHITECTURE", "Architecture"))
        slim(target)
    compile_bytecode(target, version)


def setting(variable: str, parameter: str) -> str:
    """The environment's value, else the parameter's default in template.yaml (read without a YAML library: none is at hand)."""
    template = (ROOT / "template.yaml").read_text(encoding="utf-8")
    match = re.search(rf"^  {parameter}:\n(?:    .*\n)*?    Default: (\S+)$", template, re.MULTILINE)
    if match is None:
        raise SystemExit(f"template.yaml has no parameter {parameter} with a default")
    return os.environ.get(variable) or match[1]


def install(target: Path, version: str, architecture: str) -> None:
    """Wheels only, for the function's platform rather than this one, each checked against its hash."""
    platforms = [f"--platform={tag}_{MACHINES[architecture]}" for tag in glibc_tags(version)]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile", "--no-deps"]
    wheels = ["--only-binary=:all:", "--require-hashes", "--implementation=cp", f"--python-version={version}", *platforms]
    subprocess.run([*command, *wheels, f"--target={target}", "-r", str(REQUIREMENTS)], check=True)


def glibc_tags(version: str) -> tuple[str, ...]:
    """Runtimes from Python 3.12 on are Amazon Linux 2023 with glibc 2.34, older ones Amazon Linux 2 with 2.26."""
    newer = ("manylinux_2_28",) if int(version.split(".")[1]) >= 12 else ()
    return (*newer, "manylinux_2_17", "manylinux2014")


def slim(target: Path) -> None:
    data = target / "botocore" / "data"
    for folder in data.iterdir():
        if folder.is_dir() and folder.name not in SERVICES:
            shutil.rmtree(folder)
    for pattern in UNUSED:
        for path in list(target.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def compile_bytecode(target: Path, version: str) -> None:
    interpreter = find_interpreter(version)
    if interpreter is None:
        print(
            f"NO BYTECODE: python{version} is not installed here, so this layer is shipped without it and every cold start takes "
            f"two to three times as long. Install python{version}, or deploy with a PythonRuntime that is installed.",
            file=sys.stderr,
        )
        return
    flags = ["-q", "-j", "1", "--invalidation-mode", "unchecked-hash", "-s", str(target), "-p", "/opt/python"]
    subprocess.run([interpreter, "-m", "compileall", *flags, str(target)], check=True)


def find_interpreter(version: str) -> str | None:
    """On the path, this one, or where pyenv and uv keep theirs. A version manager's shim on the path may lead nowhere."""
    patterns = (f".pyenv/versions/{version}.*/bin/python", f".local/share/uv/python/cpython-{version}*/bin/python")
    kept = [path for pattern in patterns for path in Path.home().glob(pattern)]
    candidates = [shutil.which(f"python{version}"), sys.executable, *map(str, sorted(kept))]
    return next((path for path in candidates if path and _version_of(path) == version), None)


def _version_of(interpreter: str) -> str:
    probe = "import sys; print('%d.%d' % sys.version_info[:2])"
    return subprocess.run([interpreter, "-c", probe], check=False, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
