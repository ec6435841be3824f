"""Hypothesis looks at new examples on a developer's machine, and at the same ones each time where a result must be repeatable."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, database=None)
if "CI" in os.environ:
    settings.load_profile("repeatable")
