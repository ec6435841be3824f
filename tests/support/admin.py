"""The operator's command, called as a program calls it."""

from __future__ import annotations

import io
import json
from typing import Any, NamedTuple

from admin.__main__ import main


class Said(NamedTuple):
    code: int
    out: str
    errors: str

    @property
    def value(self) -> Any:
        """Of `--json`."""
        return json.loads(self.out)


def mailroom(*arguments: str, **environment: str) -> Said:
    """Raises SystemExit where the arguments make no sense."""
    out, errors = io.StringIO(), io.StringIO()
    code = main(list(arguments), environment=environment, out=out, errors=errors)
    return Said(code, out.getvalue(), errors.getvalue())
