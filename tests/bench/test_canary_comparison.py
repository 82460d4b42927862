"""The judge that is measured over many runs at once says what the judge that decides says, at the same minute."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from canary_judges import Ours
from canary_world import EDGES, Cell, Minute, World
from tests.canary_sim import MINUTE, RULEBOOK, START

from gonogo.judges.canary.judge import CanaryJudge
from gonogo.model.verdict import Decision
from gonogo.model.watch import CANARY, STABLE, Bucket, Sample, SideSample

RUNS = 3
# What the comparison draws: no cpu, and no written rules, which it plays as a peer.
BOOK = replace(
    RULEBOOK,
    go=tuple(rule for rule in RULEBOOK.go if rule.measure != "cpu"),
    rollback=tuple(rule for rule in RULEBOOK.rollback if rule.measure == "memory"),
)


def sample(minute: Minute, run: int, number: int) -> Sample:
    """One run's minute as a watch would record it."""
    return Sample(
        seq=number + 1,
        since=START + number * MINUTE,
        until=START + (number + 1) * MINUTE,
        sides={name: side(minute, run, place) for place, name in enumerate((CANARY, STABLE))},
    )


def side(minute: Minute, run: int, place: int) -> SideSample:
    requests, errors = int(minute.requests[place][run]), int(minute.errors[place][run])
    reached = np.append(requests, minute.above[place][run])
    counts = [*(reached[:-1] - reached[1:]), reached[-1]]
    edges = zip([0.0, *EDGES], [*EDGES, None], counts, strict=True)
    return SideSample(
        requests=requests,
        errors=errors,
        successes=requests - errors,
        latency=tuple(Bucket(low=low, high=high, count=int(count)) for low, high, count in edges if count),
        gauges={"memory": float(minute.memory[place][run])},
    )


@pytest.mark.parametrize(
    ("cell", "decided"),
    [
        (Cell(minutes=100), Decision.GO),
        (Cell(minutes=60, canary_errors=0.02), Decision.NO_GO),
        (Cell(minutes=130, leak=0.01), Decision.NO_GO),
    ],
    ids=["healthy", "errors", "leak"],
)
def test_the_comparison_measures_the_judge_that_decides(cell: Cell, decided: Decision) -> None:
    many, each = Ours(RUNS), [CanaryJudge(BOOK) for _ in range(RUNS)]
    alarm, go = np.full(RUNS, math.inf), np.full(RUNS, math.inf)
    for number, minute in enumerate(World(cell=cell, runs=RUNS, seed=7).minutes()):
        many.feed(minute)
        for run, judge in enumerate(each):
            verdict = judge.feed(sample(minute, run, number))
            if any(one.alarmed_at for one in verdict.evidence):
                alarm[run] = min(alarm[run], number + 1)
            if verdict.decision is Decision.GO:
                go[run] = min(go[run], number + 1)
    assert many.alarm.tolist() == alarm.tolist()
    assert many.go.tolist() == go.tolist()
    assert np.isfinite(go if decided is Decision.GO else alarm).all()
