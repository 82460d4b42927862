"""A bad canary of AI Factory is rolled back by itself: users flow, Prometheus scrapes, the watch decides, Helm's
release is set back by the API, and the cluster says so.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.helm_stand import CANARY, HelmStand
from tests.watch_sim import FakeHands

from gonogo.flows.watch.begin import Asked, take_order, watch_here
from gonogo.flows.watch.store import read_log, watches
from gonogo.model.errors import SafetyRefusal
from gonogo.model.verdict import Decision

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT / "environments" / "rehearsal"))

import clock  # type: ignore[import-not-found]  # noqa: E402
from factory.prometheus import Observers  # type: ignore[import-not-found]  # noqa: E402
from factory.world import World  # type: ignore[import-not-found]  # noqa: E402
from http_server import HttpServer  # type: ignore[import-not-found]  # noqa: E402


class Play:
    """AI Factory's canary with its cluster and its Prometheus, and one clock that only waiting moves."""

    def __init__(self, stand: HelmStand, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stand, self.hands, self.server = stand, FakeHands(), HttpServer(self._answer)
        monkeypatch.setattr(clock, "now", lambda: self.hands.now().timestamp())
        self.observers = Observers(SimpleNamespace(parts={}, rate=40.0))

    def _answer(self, call: object) -> object:
        return self.observers.prometheus(call)

    def run(self, *faults: str, actions: str = "rollback") -> Decision:
        """A watch of factory-base's rules with --on-no-go rollback."""
        self.stand.play("watch")
        world = World(
            "watch", frozenset(faults), self.hands.now().timestamp(), self.stand.world.release, self.stand.root
        )
        self.observers.apply(world)
        self.stand.declare(actions)
        path = self.stand.root / "environments" / "mine.yaml"
        text = path.read_text(encoding="utf-8").replace("system: shop\n", "extends: factory-base.yaml\n")
        text = text.replace("back_ends:\n", f"back_ends:\n  prometheus: {{address: '{self.server.url}'}}\n")
        path.write_text(text + "watch: {source: {lag: 0s}}\n", encoding="utf-8")
        base = (ROOT / "environments" / "factory-base.yaml").read_text(encoding="utf-8")
        alerts = re.search(r"^  alerts:\n(    .*\n)+", base, re.MULTILINE)
        assert alerts is not None  # nobody is told here
        base = base.replace(alerts[0], "")
        (self.stand.root / "environments" / "factory-base.yaml").write_text(base, encoding="utf-8")
        order = take_order(Asked(root=self.stand.root, environment="mine", on_no_go="rollback"))
        return watch_here(order, None, self.hands)


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Play]:
    monkeypatch.setenv("NO_PROXY", "*")
    made = Play(HelmStand(tmp_path, monkeypatch), monkeypatch)
    yield made
    made.server.close()
    made.stand.server.close()


def test_a_bad_canary_is_rolled_back_by_itself(play: Play) -> None:
    """Errors begin in the third minute; the watch takes the users off, and Helm's history tells it."""
    assert (play.stand.weight, play.run("canary-flow-errors-5pct@3m")) == (10, Decision.NO_GO)
    assert (play.stand.weight, play.stand.tag(), play.stand.tag(CANARY)) == (0, "v1.3.9", "v1.4.0")
    assert play.stand.history[-1] == (8, "deployed", "Rollback to 6, canary weight 0 % (gonogo)")
    (folder,) = watches(play.stand.root / "reports" / "out" / "watch-mine")
    assert ("action", True) in [(entry["kind"], entry.get("done")) for entry in read_log(folder)]
    (path,) = play.stand.records
    kept = json.loads(path.read_text(encoding="utf-8"))
    assert (kept["who"]["by"], kept["done"], kept["after"]["split"]) == ("the watch", True, {"v1.3.9": 100})
    assert kept["said"] == "GO  in force: v1.3.9 100 %"


def test_without_its_leave_no_such_watch_is_begun(play: Play) -> None:
    """guards.actions of the factory has to hold `rollback`."""
    with pytest.raises(SafetyRefusal, match="does not allow the action 'rollback'"):
        play.run(actions="traffic")
    assert play.stand.weight == 10
