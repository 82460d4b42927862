"""What a terminal shows of a watch: where nothing was seen is a dot, and nothing from outside acts on the terminal."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from rich.console import Console
from tests.canary_sim import RULEBOOK, START, World, watch

from gonogo.flows.watch.series import series
from gonogo.judges.canary.judge import CanaryJudge
from gonogo.model.watch import Gap
from gonogo.reporting.watch_live import frame, sparkline
from gonogo.reporting.watch_view import verdict_to_json


def shown(status: dict[str, Any], minutes: int = 20, columns: int = 160) -> str:
    samples = list(watch(1, minutes, World()))
    console = Console(file=StringIO(), width=columns, force_terminal=False, color_system=None)
    console.print(frame(status, series(samples), datetime(2026, 11, 20, 6, 0, tzinfo=UTC)))
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


@pytest.fixture
def status() -> dict[str, Any]:
    judge = CanaryJudge(RULEBOOK)
    for sample in watch(1, 20, World()):
        verdict = judge.feed(sample)
    return {
        "environment": "ion-canary",
        "started": START.isoformat(),
        "ends": (START + timedelta(hours=24)).isoformat(),
        "covered": 0.01,
        "seq": 20,
        "decision": "HOLD",
        "ended": False,
        "notes": [],
        "last": verdict_to_json(verdict),
    }


def test_a_sparkline_runs_from_its_lowest_to_its_highest() -> None:
    assert sparkline([1.0, None, 8.0, 4.5]) == "▁·█▅"
    assert sparkline([2.0, 2.0]) == "▁▁"
    assert sparkline([None, None]) == "··"
    assert sparkline([]) == ""
    assert len(sparkline([float(n) for n in range(100)], width=30)) == 30


def test_all_that_the_decision_rests_on_is_there(status: dict[str, Any]) -> None:
    text = shown(status)
    assert "HOLD" in text.splitlines()[0]
    assert "18 h 00 min left" in text.splitlines()[0]
    for measure in ("requests", "error_ratio", "p95_latency ms", "memory", "cpu"):
        assert measure in text
    assert "0 of 3" in text
    assert "error_ratio > 0.01 for 3 samples" in text
    assert "of 5.5" in text
    assert "open" in text
    assert "proven" in text
    assert "certificate" in text


def test_a_narrow_terminal_breaks_no_line(status: dict[str, Any]) -> None:
    assert max(map(len, shown(status, columns=60).splitlines())) <= 60


def test_nothing_from_outside_acts_on_the_terminal(status: dict[str, Any]) -> None:
    """A reason of a back end with escape codes, and with what rich takes for markup."""
    bad = "unreachable: \x1b[2J[bold]here[/bold]"
    gap = {"since": Gap(since=START, until=START, why="").since.isoformat(), "until": START.isoformat(), "why": bad}
    status["last"]["gaps"] = [gap]
    status["notes"] = [bad]
    text = shown(status)
    assert "\x1b" not in text
    assert "[bold]here[/bold]" in text


def test_before_the_first_sample(status: dict[str, Any]) -> None:
    assert "sample 0" in shown({**status, "seq": 0, "last": None}, minutes=0)


def test_counts_and_gauges_are_shown_where_samples_tell_them() -> None:
    """A canary without memory, with answers that cannot be parsed."""
    (sample,) = watch(1, 1, World())
    told = replace(sample.sides["canary"], gauges={}, counts={"llm_parsing": 6}, requests=120)
    shown = series([replace(sample, sides={"canary": told, "stable": replace(told, counts={})})])
    assert list(shown) == ["requests", "error_ratio", "p95_latency ms", "llm_parsing_ratio"]
    assert shown["llm_parsing_ratio"] == {"canary": [0.05], "stable": [None]}
