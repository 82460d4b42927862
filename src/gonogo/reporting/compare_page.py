"""A comparison of canary and legacy into a table for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gonogo.model.units import show_number
from gonogo.reporting.escape import ci_log, visible

_WIDTH = 14
_TIMES = {"mean": "mean_ms", "p50": "p50_ms", "p95": "p95_ms", "slowest": "max_ms"}


def compare_page(document: Mapping[str, Any]) -> str:
    """The lines of a compare.json."""
    sides: Mapping[str, Mapping[str, Any]] = document["sides"]
    how = f"{show_number(document['delay_ms'])} ms between, {document['retries']} retries"
    lines = [
        f"{document['item']} on {document['environment']}: {document['requests']} requests a side, {how}",
        _row("", *sides),
        _row("asks", *(side["asks"] for side in sides.values())),
        _row("success", *(f"{side['succeeded']} of {side['sent']}" for side in sides.values())),
        *(_row(name, *(_ms(side[key]) for side in sides.values())) for name, key in _TIMES.items()),
    ]
    ratio = document["canary_over_legacy"]
    if ratio is not None:
        lines.append(f"{'canary/legacy':<{_WIDTH}}{ratio:.2f} of the mean")
    lines += dict.fromkeys(document["reasons"])
    return ci_log("\n".join(visible(line) for line in [*lines, document["decision"]])) + "\n"


def _row(name: str, *cells: str) -> str:
    return (f"{name:<{_WIDTH}}" + "".join(f"{cell:<40}" for cell in cells)).rstrip()


def _ms(value: float | None) -> str:
    return "not seen" if value is None else f"{value:.1f} ms"
