"""Days of samples that the rehearsal draws: each reads as samples do, and is judged as what it is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.canary_sim import RULEBOOK

from gonogo.config.samples import Recorded, read_samples
from gonogo.judges.canary.judge import CanaryJudge
from gonogo.model.verdict import Decision
from gonogo.model.watch import CanaryVerdict
from gonogo.reporting.samples import SCHEMA

ROOT = Path(__file__).parents[2]


def _drawn(folder: Path, day: str, minutes: int) -> Recorded:
    file = folder / f"{day}.jsonl"
    words = [sys.executable, "environments/rehearsal/samples.py", day, "--minutes", str(minutes)]
    with file.open("wb") as out:
        subprocess.run(words, cwd=ROOT, check=True, stdout=out)
    return read_samples(file, SCHEMA)


def _judged(recorded: Recorded) -> CanaryVerdict:
    judge = CanaryJudge(RULEBOOK)
    for sample in recorded.samples:
        verdict = judge.feed(sample)
        if verdict.decision is Decision.NO_GO:
            break
    return verdict


@pytest.mark.parametrize(
    ("day", "minutes", "decision", "until"),
    [
        ("healthy", 90, Decision.GO, 90),
        ("errors-5pct", 30, Decision.NO_GO, 5),
        ("errors-1pct", 120, Decision.NO_GO, 60),
        ("tail-doubled", 30, Decision.NO_GO, 10),
        ("leak", 360, Decision.NO_GO, 300),
        ("late", 400, Decision.NO_GO, 372),
        ("both", 30, Decision.NO_GO, 10),
    ],
)
def test_a_day_is_what_its_name_says(day: str, minutes: int, decision: Decision, until: int, tmp_path: Path) -> None:
    """The command writes whole lines that read strictly, one a minute; the judge finds what the day is made of."""
    recorded = _drawn(tmp_path, day, minutes)
    assert (len(recorded.samples), recorded.notes) == (minutes, ())
    verdict = _judged(recorded)
    assert verdict.decision is decision
    assert verdict.seq <= until
    assert verdict.both_sides == (day == "both")
    assert day != "late" or verdict.seq > 360


def test_a_day_that_is_none(tmp_path: Path) -> None:
    """One line, and nothing on standard output."""
    for words in (["sunday"], ["leak", "--minutes", "0"]):
        done = subprocess.run(
            [sys.executable, "environments/rehearsal/samples.py", *words],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 4
        assert done.stdout == ""
        assert done.stderr.splitlines()[-1].startswith("samples: ")
