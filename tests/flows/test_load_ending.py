"""The end of a load run: load.json says what the run came to."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gonogo.flows.load import ending as load_ending
from gonogo.flows.load.run import Aimed, Order
from gonogo.model.environment import Environment
from gonogo.model.load import Profile, Workload
from gonogo.model.secret import Redactor
from gonogo.model.verdict import Decision


@pytest.fixture
def aimed(tmp_path: Path) -> Aimed:
    profile = Profile(
        name="gentle", use="a test", workload=Workload.CLOSED, requests=3, duration=None, delay=timedelta(0), rate=None,
        connections=1, ramp=timedelta(0), sides_together=False, proves=(), abort_error_ratio=None,
    )  # fmt: skip
    order = Order(
        run_id="abcdef123456", environment=Environment(name="x", system="x", describe="x"), profile=profile,
        paths={"canary": "/a", "legacy": "/b"}, method="GET", body=None, faults=(), root=tmp_path, reports=tmp_path,
    )  # fmt: skip
    return Aimed(order=order, targets=(), redactor=Redactor())


def _written(folder: Path | None) -> dict[str, Any]:
    assert folder is not None
    document: dict[str, Any] = json.loads((folder / load_ending.LOAD).read_text(encoding="utf-8"))
    return document


def test_a_run_that_never_began_is_hold_in_the_file_too(aimed: Aimed) -> None:
    """Nothing sent is never GO."""
    ended = load_ending.end_load(aimed, None)
    assert ended.judged.decision is Decision.HOLD
    assert _written(ended.folder)["decision"] == "HOLD"


def test_a_secret_in_the_folder_takes_the_go_out_of_the_file(aimed: Aimed, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file that a pipeline reads says what the exit status says."""
    judged = load_ending.judge_load
    go = lambda *words: replace(judged(*words), decision=Decision.GO, reasons=())  # noqa: E731 - a healthy run
    monkeypatch.setattr(load_ending, "judge_load", go)
    assert _written(load_ending.end_load(aimed, None).folder)["decision"] == "GO"
    monkeypatch.setattr(load_ending, "scan", lambda folder, _: [folder / load_ending.LOAD])
    ended = load_ending.end_load(replace(aimed, order=replace(aimed.order, run_id="123456abcdef")), None)
    assert ended.judged.decision is Decision.HOLD
    written = _written(ended.folder)
    assert written["decision"] == "HOLD"
    assert "a secret stands in" in json.dumps(written)
