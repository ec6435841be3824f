"""Rows of a result table: what was measured, the bar, and whether it is met."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Row:
    what: str
    value: float
    unit: str
    bar: float | None = None
    better: Literal["lower", "higher"] = "lower"

    @property
    def met(self) -> bool:
        if self.bar is None:
            return True
        return self.value <= self.bar if self.better == "lower" else self.value >= self.bar


def show(title: str, rows: list[Row]) -> bool:
    """Prints the table; False where a bar is missed."""
    print(f"\n{title}")
    for row in rows:
        bar = "" if row.bar is None else f"{'at most' if row.better == 'lower' else 'at least'} {row.bar:g}"
        verdict = "" if row.bar is None else ("ok" if row.met else "MISSED")
        print(f"  {row.what:<58} {row.value:>10.4g} {row.unit:<8} {bar:<16} {verdict}", flush=True)
    return all(row.met for row in rows)


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]
