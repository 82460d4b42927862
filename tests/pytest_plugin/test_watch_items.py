"""Items that rest on a watch, from outside: the same decision as the watch, also when it is judged again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.canary_sim import START, World, watch

from gonogo.config.environment import load_environment
from gonogo.config.raw import to_raw
from gonogo.config.release import load_release
from gonogo.flows.watch.store import Store, watch_folder
from gonogo.model.watch import Sample

ROOT = Path(__file__).resolve().parents[2]
RULES = {
    "every": "1m",
    "for": "2h",
    "go": ["error_ratio <= 0.005", "p95_latency <= 200 ms", "success_ratio >= 0.95", "memory <= 0.85", "cpu <= 0.8"],
    "rollback": ["error_ratio > 0.01 for 3 samples with at least 100 requests", "memory > 0.85 for 2 samples"],
    "source": {"lag": "1m"},
}
BAD, LEAKS = World(errors=0.05), World(memory=0.9)
ITEMS = (
    "ion-can-first-metrics", "ion-can-mid-check", "ion-can-error-rate", "ion-can-p95", "ion-can-success-rate",
    "ion-can-memory", "ion-can-cpu", "ion-can-no-rollback-trigger", "ion-can-stable-24h",
)  # fmt: skip


def written() -> Iterator[tuple[str, dict[str, Any]]]:
    """The rule on the watch of each item of the checklist."""
    for item in yaml.safe_load((ROOT / "checks/ion/canary.yaml").read_text(encoding="utf-8"))["items"]:
        for rule in item.get("pass", ()):
            if "watched" in rule:
                yield item["id"], rule["watched"]


@pytest.fixture
def shop(project: Any, server: Any, kit: Any) -> Any:
    """A project whose items rest on a watch alone, each as an item of the checklist does."""
    stable = {"url": server.url, "service": "shop", "health": "/health"}
    canary = {"url": server.url.replace("127.0.0.1", "localhost"), "service": "shop-canary"}
    project.environment(sides={"stable": stable, "canary": canary}, watch=RULES)
    items = []
    for name, rule in written():
        made = {**kit.item(name), "probes": {"watch": {"watch_samples": {}}}, "pass": [{"watched": rule}]}
        del made["probe"]
        items.append(made)
    project.checklist(*items)
    return project


def watched(
    shop: Any, minutes: int, canary: World, *, ago: timedelta = timedelta(0), ended: str = "", **more: Any
) -> Path:
    """A watch of so many minutes up to now, as `gonogo watch` keeps it; with `ended` its last decision stands."""
    environment = load_environment("shop", shop.root / "environments", root=shop.root)
    release = load_release(shop.root / "environments/release.yaml")
    until = datetime.now(UTC).replace(second=0, microsecond=0) - ago
    began = until - timedelta(minutes=minutes)
    identity = {
        name: {key: value for key, value in to_raw(one).items() if key != "origin"}
        for name, one in (("watch", environment.watch), ("release", release))
    }
    plan = {"environment": "shop", "started": began.isoformat(), "ends": until.isoformat(), "identity": identity}
    store = Store.create(watch_folder(shop.root / "reports" / "out", "shop"), plan | more, began)
    for sample in watch(3, minutes, canary, more.get("stable")):
        store.append(_moved(sample, began - START))
    if ended:
        last = {"decision": ended, "reasons": [], "early": None, "ended": until.isoformat()}
        store.verdict(last)
    return store.folder


def _moved(sample: Sample, by: timedelta) -> Sample:
    return Sample(seq=sample.seq, since=sample.since + by, until=sample.until + by, sides=sample.sides)


def run(shop: Any, code: int) -> dict[str, dict[str, Any]]:
    """The items of a checklist run that ends with this status, and again when it is judged again."""
    done = shop.pytest()
    assert done.code == code, done.out + done.err
    (folder,) = [path for path in done.folders if (path / "verdict.json").exists()]
    assert shop.gonogo("judge", str(folder)).code == code
    return {one["id"]: one for one in json.loads((folder / "verdict.json").read_bytes())["checks"]}


def verdicts(items: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {name: one["verdict"] for name, one in items.items()}


def test_the_items_of_the_canary_read_the_watch() -> None:
    """Each item of the watch, and of T+5m to T+24h, that looks at measures."""
    assert tuple(name for name, _ in written()) == (*ITEMS[:2], *ITEMS[2:])


def test_without_a_watch_the_looks_decide(shop: Any) -> None:
    """No watch is no doubt; a watch of another release, or one that ended long ago, is none."""
    assert set(verdicts(run(shop, 0)).values()) == {"pass"}
    watched(shop, 100, World(), ago=timedelta(hours=25), ended="GO")
    assert "ended more than 1d ago" in run(shop, 0)["ion-can-p95"]["reason"]
    watched(shop, 20, BAD, ago=timedelta(hours=25), ended="NO-GO")
    assert verdicts(run(shop, 1))["ion-can-error-rate"] == "fail"
    shop.release(version="v9.9.9")
    assert "is of v1.2.3" in run(shop, 0)["ion-can-p95"]["reason"]


def test_a_healthy_watch_is_go(shop: Any) -> None:
    """All is proven after two hours and a half; samples that were touched are no proof."""
    folder = watched(shop, 150, World())
    items = run(shop, 0)
    assert set(verdicts(items).values()) == {"pass"}
    assert "150 samples until" in items["ion-can-stable-24h"]["reason"]
    samples = folder / "samples.jsonl"
    samples.write_text(samples.read_text(encoding="utf-8").replace('"errors":1,', '"errors":0,', 1), encoding="utf-8")
    items = run(shop, 6)
    assert "it was changed" in items["ion-can-error-rate"]["reason"]


def test_a_young_watch_holds_and_says_until_when(shop: Any) -> None:
    """What is not proven yet is HOLD; the first minutes only want that nothing speaks against it."""
    watched(shop, 4, World())
    items = run(shop, 6)
    assert {name for name, verdict in verdicts(items).items() if verdict == "pass"} >= {*ITEMS[:2], ITEMS[7]}
    held = items["ion-can-error-rate"]
    assert held["verdict"] == "inconclusive"
    assert "not proven: error_ratio" in held["reason"]
    assert "UTC at the present traffic" in json.dumps(held)


@pytest.mark.parametrize(
    ("canary", "stable", "red", "green"),
    [
        (BAD, None, {"ion-can-error-rate", "ion-can-no-rollback-trigger", "ion-can-stable-24h"}, {"ion-can-cpu"}),
        (LEAKS, None, {"ion-can-memory", "ion-can-no-rollback-trigger", "ion-can-stable-24h"}, {"ion-can-cpu"}),
        (World(tail=3.0), None, {"ion-can-p95", "ion-can-stable-24h"}, {"ion-can-memory", "ion-can-cpu"}),
    ],
)
def test_what_a_watch_finds_fails_its_items(
    shop: Any, canary: World, stable: World | None, red: set[str], green: set[str]
) -> None:
    """The measure that is wrong turns its own items and the sums, and no item of another measure."""
    watched(shop, 100, canary, ended="NO-GO")
    items = run(shop, 1)
    assert {name for name, verdict in verdicts(items).items() if verdict == "fail"} >= red
    assert {name for name, verdict in verdicts(items).items() if verdict == "pass"} >= green


def _other_rules(shop: Any) -> None:
    watched(shop, 100, World())
    path = shop.root / "environments/shop.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("memory <= 0.85", "memory <= 0.8"), encoding="utf-8")


def _of_another(shop: Any) -> None:
    plan = watched(shop, 3, World()) / "plan.json"
    document = json.loads(plan.read_bytes()) | {"environment": "mall"}
    plan.write_text(json.dumps(document), encoding="utf-8")


def _cut(shop: Any) -> None:
    """Whole lines are gone from the end: no digest of a line tells, but that of the file does."""
    samples = watched(shop, 150, World(), ended="GO") / "samples.jsonl"
    lines = samples.read_text(encoding="utf-8").splitlines(keepends=True)
    samples.write_text("".join(lines[:-10]), encoding="utf-8")


def _garbled(shop: Any) -> None:
    (watched(shop, 3, World()) / "plan.json").write_text('{"schema": "gonogo/watch-plan/1"}', encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda shop: watched(shop, 100, World(), ago=timedelta(minutes=30)), "it does not run"),
        (lambda shop: watched(shop, 0, World()), "has no sample yet"),
        (_other_rules, "other rules than those declared now"),
        (_garbled, "KeyError"),
        (_of_another, "is of mall, not of shop"),
        (_cut, "samples.jsonl was changed after the watch had ended"),
    ],
)
def test_a_watch_that_cannot_be_relied_upon_holds(shop: Any, change: Callable[[Any], Any], told: str) -> None:
    """One that stopped, has seen nothing, was begun with other rules, or does not read."""
    change(shop)
    items = run(shop, 6)
    assert told in items["ion-can-error-rate"]["reason"]
