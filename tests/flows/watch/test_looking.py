"""What `watch status` and `watch log` say to whoever was just woken up."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.canary_sim import RULEBOOK, START, World, watch

from gonogo.cli import main
from gonogo.judges.canary.judge import CanaryJudge
from gonogo.reporting.watch_view import verdict_to_json


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A watch of 20 samples as its folder holds it; nobody watches any more."""
    judge = CanaryJudge(RULEBOOK)
    for sample in watch(1, 20, World()):
        verdict = judge.feed(sample)
    folder = tmp_path / "reports" / "out" / "watch-shop" / "20261120T000000Z-aaaaaa"
    folder.mkdir(parents=True)
    (folder / "plan.json").write_text("{}", encoding="utf-8")
    document = {
        "environment": "shop",
        "started": START.isoformat(),
        "ends": (START + timedelta(minutes=25)).isoformat(),
        "at": (START + timedelta(minutes=20)).isoformat(),
        "covered": 0.8,
        "seq": 20,
        "decision": "HOLD",
        "last": verdict_to_json(verdict),
    }
    (folder / "status.json").write_text(json.dumps(document), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return folder


def log(folder: Path, *entries: dict[str, Any]) -> None:
    lines = [json.dumps({"at": START.isoformat(), **entry}) + "\n" for entry in entries]
    (folder / "log.jsonl").write_text("".join(lines), encoding="utf-8")


def test_status_says_all_that_the_decision_rests_on(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Rules with their rows, evidence, what GO still needs, the time left, and that it is too short."""
    assert main(["watch", "status"]) == 6
    said = capsys.readouterr().out
    assert "cut off: nobody watches now, `gonogo watch start` goes on with it" in said
    assert "until 2026-11-20 00:25 UTC, 80% of the time is seen; last looked at 2026-11-20T00:20:00Z" in said
    assert "rule      ok        error_ratio > 0.01 for 3 samples" in said
    assert "evidence  quiet     error_ratio" in said
    assert "bound     open      error_ratio" in said
    assert "GO can be known about" in said
    assert "too short for a GO" in said


def test_status_says_what_was_done_on_no_go(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whether the traffic is back is the first question of whoever is woken by it."""
    log(kept, {"kind": "note", "text": "n"}, {"kind": "action", "text": "rollback: GO  in force: ion-1 100 %"})
    main(["watch", "status"])
    assert "did:      2026-11-20T00:00:00Z  rollback: GO  in force: ion-1 100 %" in capsys.readouterr().out
    main(["watch", "status", "--json"])
    assert json.loads(capsys.readouterr().out)["acted"] == ["2026-11-20T00:00:00Z  rollback: GO  in force: ion-1 100 %"]


def test_an_empty_log_is_no_error(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A watch that has just begun has nothing to tell, and a time without lines is said, not shown as nothing."""
    assert main(["watch", "log"]) == 0
    assert capsys.readouterr().out == "shop: nothing is in the log yet\n"
    log(kept, {"kind": "note", "text": "n"})
    assert main(["watch", "log", "--since", "2099-01-01T00:00Z"]) == 0
    assert capsys.readouterr().out == "shop: nothing is in the log of that time\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--tail", "0"], "--tail is 1 or more, not 0"),
        (["--tail", "-3"], "--tail is 1 or more, not -3"),
        (["--since", "1m", "--until", "2h"], "--since is after --until"),
    ],
)
def test_a_part_of_the_log_that_is_none(
    kept: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    """One line, exit 4: no last zero lines that are all of them."""
    log(kept, {"kind": "note", "text": "n"})
    assert main(["watch", "log", *words]) == 4
    assert said in capsys.readouterr().err


def test_a_watch_that_was_stopped_says_so(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Not only what it saw: why it ended as it did. What could be known later is of no use any more."""
    reasons = ["it was stopped before its end"]
    (kept / "verdict.json").write_text(json.dumps({"decision": "HOLD", "reasons": reasons}), encoding="utf-8")
    assert main(["watch", "status"]) == 6
    said = capsys.readouterr().out
    assert "why:      it was stopped before its end" in said
    assert "GO can be known" not in said
    assert "until 2026" not in said
