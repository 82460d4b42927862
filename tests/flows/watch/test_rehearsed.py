"""A rehearsed canary from beginning to end: traffic flows, a fault begins at its minute, the watch takes it back.

A minute of the rehearsal lasts a few seconds here, and the watch's clock runs with it.
"""

from __future__ import annotations

import json
import shutil
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.cloud.run_v2.types import service as cloud_run

from gonogo.flows.started import Started, Starter
from gonogo.flows.watch.begin import Asked, take_order, watch_here
from gonogo.flows.watch.hands import SystemHands
from gonogo.flows.watch.loop import Watch
from gonogo.flows.watch.store import read_log, watches
from gonogo.model.verdict import Decision

ROOT = Path(__file__).parents[3]
RATE = 160  # requests a second, of this machine's time
SERVICE = "projects/naeda-genesis/locations/us-central1/services/ion-api"
OLD, NEW = "ion-api-00041-abc", "ion-api-00042-def"


@dataclass(kw_only=True)
class PacedClock:
    """The rehearsal's own clock: so many seconds a second, from `zero` on."""

    pace: int
    zero: float = field(default_factory=time.time)

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.zero + (time.time() - self.zero) * self.pace, UTC)

    def monotonic(self) -> float:
        return time.monotonic() * self.pace

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds / self.pace)


@dataclass(kw_only=True)
class Play:
    """One watch of a rehearsal, and what Cloud Run said at each of its moments."""

    root: Path
    addresses: dict[str, str] = field(default_factory=dict)
    splits: list[dict[str, int]] = field(default_factory=list)
    ahead: list[timedelta] = field(default_factory=list)  # how far a look saw the moment at which GO can be known

    def run(self, minutes: int, *faults: str, pace: int) -> Decision:
        clock = PacedClock(pace=pace)
        options = {"--rate": RATE, "--pace": pace, "--zero": clock.zero}
        command = ["python", "environments/rehearsal", *(str(word) for pair in options.items() for word in pair)]
        environment = {"extends": "local.yaml", "name": "hurry", "describe": "d", "start": {"command": command}}
        text = "".join(f"{key}: {json.dumps(value)}\n" for key, value in environment.items())
        (self.root / "environments/hurry.yaml").write_text(text, encoding="utf-8")
        asked = Asked(
            root=self.root, environment="hurry", lasts=timedelta(minutes=minutes), on_no_go="rollback", faults=faults
        )
        return watch_here(take_order(asked), self._show, SystemHands(threading.Event(), clock))

    def _show(self, watch: Watch) -> None:
        if watch.verdict is not None and watch.verdict.decidable_at is not None:
            self.ahead.append(watch.verdict.decidable_at - watch.verdict.at)
        with grpc.insecure_channel(self.addresses["cloud-run"]) as channel:
            call = channel.unary_unary(
                "/google.cloud.run.v2.Services/GetService",
                request_serializer=cloud_run.GetServiceRequest.serialize,
                response_deserializer=cloud_run.Service.deserialize,
            )
            told = call(cloud_run.GetServiceRequest(name=SERVICE), timeout=5)
        split = {one.revision: one.percent for one in told.traffic_statuses if one.percent}
        if split not in self.splits[-1:]:
            self.splits.append(split)

    @property
    def folder(self) -> Path:
        (found,) = watches(self.root / "reports/out/watch-hurry")
        return found

    @property
    def last(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "verdict.json").read_bytes()))


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Play:
    (tmp_path / "environments").mkdir()
    for name in ("local.yaml", "ion-base.yaml", "factory-local.yaml", "factory-base.yaml"):  # they come along
        shutil.copy(ROOT / "environments" / name, tmp_path / "environments")
    (tmp_path / "environments/rehearsal").symlink_to(ROOT / "environments/rehearsal")
    play = Play(root=tmp_path)
    up = Starter.up

    def remembered(self: Starter, *words: Any) -> Started:
        ready = up(self, *words)
        play.addresses = dict(ready.addresses)
        return ready

    monkeypatch.setattr(Starter, "up", remembered)
    return play


def test_a_bad_canary_is_rolled_back_by_itself(play: Play) -> None:
    """Errors begin in the second minute; minutes later all users are on the stable side, as Cloud Run itself says."""
    assert play.run(20, "canary-flow-errors-25pct@1m", pace=20) is Decision.NO_GO
    assert play.splits == [{OLD: 95, NEW: 5}, {OLD: 100}]
    assert any("error_ratio" in reason for reason in play.last["reasons"])
    assert 1 <= play.last["last"]["seq"] <= 12  # a minute of the rehearsal may pass while it comes up
    kinds = [(entry["kind"], entry.get("done")) for entry in read_log(play.folder)]
    assert ("action", True) in kinds


def test_a_good_canary_is_never_no_go(play: Play) -> None:
    """Ten minutes prove too little: HOLD, with the moment at which it can be known; no traffic was moved."""
    assert play.run(10, pace=40) is Decision.HOLD
    assert play.splits == [{OLD: 95, NEW: 5}]
    assert play.last["last"]["decision"] == "HOLD"
    assert play.ahead
    assert min(play.ahead) > timedelta(0)
