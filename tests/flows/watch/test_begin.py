"""What a start goes on with and what it begins anew, by the rules, the release and the time that has passed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.canary_sim import MINUTE, START, World, watch
from tests.watch_sim import HOUR, FakeHands

from gonogo.config.environment import load_environment
from gonogo.flows.watch.begin import Asked, Order, take_order, watch_here
from gonogo.flows.watch.store import watches
from gonogo.model.environment import Release
from gonogo.model.errors import ConfigError, SafetyRefusal
from gonogo.model.evidence import Cause
from gonogo.model.rulebook import Source
from gonogo.model.verdict import Decision
from gonogo.probes.failure import Failure
from gonogo.reporting.files import NotKept
from gonogo.reporting.samples import sample_line

ENVIRONMENT = """\
name: small
system: small
describe: Two sides and a file of samples
sides:
  stable: {url: 'https://stable.example'}
  canary: {url: 'https://canary.example'}
watch:
  go: [error_ratio <= 0.005, p95_latency <= 200 ms, memory <= 0.85, cpu <= 0.8]
  rollback: [error_ratio > 0.01 for 3 samples with at least 100 requests, memory > 0.85 for 2 samples]
  source: {kind: file, path: samples.jsonl, lag: 0s}
"""
RELEASE = Release(version="v1.2.3", commit="0123456", image="i:v1.2.3")


@pytest.fixture
def asked(tmp_path: Path) -> Asked:
    for name in ("environments", "checks"):
        (tmp_path / name).mkdir()
    (tmp_path / "environments" / "small.yaml").write_text(ENVIRONMENT, encoding="utf-8")
    return Asked(root=tmp_path, environment="small")


def feed(asked: Asked, count: int, first: int = 0) -> None:
    lines = [sample_line(one) + "\n" for one in list(watch(1, first + count, World(errors=0.001)))[first:]]
    with (asked.root / "samples.jsonl").open("a", encoding="utf-8") as file:
        file.writelines(lines)


def cut_off(order: Order, after: float = 5.0, now: datetime = START) -> Path:
    """A watch whose process is gone after some seconds; its folder."""
    hands = FakeHands(now)

    def die() -> None:
        raise KeyboardInterrupt

    hands.at[after] = die
    with pytest.raises(KeyboardInterrupt):
        watch_here(order, hands=hands)
    return watches(order.asked.base)[-1]


def decided(folder: Path) -> dict[str, object]:
    document: dict[str, object] = json.loads((folder / "verdict.json").read_text(encoding="utf-8"))
    return document


def stopping(now: datetime, after: float = 5.0) -> FakeHands:
    hands = FakeHands(now)
    hands.at[after] = lambda: setattr(hands, "stopped", True)
    return hands


def test_the_same_rules_and_release_are_gone_on_with(asked: Asked) -> None:
    """By the time that is left of the first watch."""
    feed(asked, 30)
    order = take_order(replace(asked, lasts=HOUR))
    folder = cut_off(order)
    feed(asked, 30, first=30)
    assert watch_here(order, hands=FakeHands(START + timedelta(minutes=5))) is Decision.GO
    assert watches(asked.base) == [folder]
    assert decided(folder)["decision"] == "GO"


@pytest.mark.parametrize(
    "other",
    [
        lambda order: replace(order, rulebook=replace(order.rulebook, margin=1.2)),
        lambda order: replace(order, rulebook=replace(order.rulebook, for_=2 * HOUR)),
        lambda order: replace(order, release=RELEASE),
    ],
)
def test_row91_other_rules_or_another_release_begin_anew(asked: Asked, other: Callable[[Order], Order]) -> None:
    """What was seen of another canary, or held against other rules, is no part of this one; the old watch is HOLD."""
    feed(asked, 30)
    order = take_order(replace(asked, lasts=HOUR))
    folder = cut_off(order)
    changed = other(order)
    watch_here(changed, hands=stopping(START + timedelta(minutes=5)))
    assert len(watches(asked.base)) == 2
    assert decided(folder)["decision"] == "HOLD"
    assert "the rules or the release are others now" in str(decided(folder)["early"])


def test_what_is_long_over_is_not_gone_on_with(asked: Asked) -> None:
    """What it saw was fine, and its end was a day ago: nothing is known of now."""
    feed(asked, 50)
    order = take_order(replace(asked, lasts=HOUR))
    folder = cut_off(order)
    watch_here(order, hands=stopping(START + 24 * HOUR))
    assert len(watches(asked.base)) == 2
    assert decided(folder)["decision"] == "HOLD"
    assert "long past" in str(decided(folder)["early"])


def test_replace_begins_anew(asked: Asked) -> None:
    order = take_order(replace(asked, lasts=HOUR))
    folder = cut_off(order)
    again = take_order(replace(asked, lasts=HOUR, replace=True))
    watch_here(again, hands=stopping(START))
    assert len(watches(asked.base)) == 2
    assert decided(folder)["decision"] == "HOLD"


def test_a_no_go_that_was_not_acted_on_is(asked: Asked) -> None:
    """The sample was kept and the process died: the next one says NO-GO before it looks at anything."""
    bad = list(watch(1, 30, World(errors=0.5)))
    (asked.root / "samples.jsonl").write_text(sample_line(bad[0]) + "\n", encoding="utf-8")
    order = take_order(replace(asked, lasts=HOUR))

    class Dies(FakeHands):
        def now(self) -> datetime:
            folder = watches(asked.base)
            if folder and (folder[-1] / "samples.jsonl").exists():
                raise KeyboardInterrupt
            return super().now()

    with pytest.raises(KeyboardInterrupt):
        watch_here(order, hands=Dies())
    hands = FakeHands()
    assert watch_here(order, hands=hands) is Decision.NO_GO
    assert hands.ticks == 0


def test_who_goes_on_without_the_rollback_is_told(asked: Asked) -> None:
    """A watch that would have rolled back is never gone on with as one that only notifies in silence."""
    order = take_order(replace(asked, lasts=HOUR))
    folder = cut_off(order)
    plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    (folder / "plan.json").write_text(json.dumps({**plan, "on_no_go": "rollback"}), encoding="utf-8")
    watch_here(order, hands=stopping(START))
    log = (folder / "log.jsonl").read_text(encoding="utf-8")
    assert "NO-GO: notify from now on; this watch was begun with rollback" in log


def test_a_file_that_tells_more_than_was_asked_for_is_not_read_to_its_end(asked: Asked) -> None:
    """A watch of an hour is decided by an hour, also where the file tells of a day at once."""
    feed(asked, 90)
    watch_here(take_order(replace(asked, lasts=HOUR)), hands=FakeHands())
    (folder,) = watches(asked.base)
    assert len((folder / "samples.jsonl").read_text(encoding="utf-8").splitlines()) == 60
    assert decided(folder)["early"] is None


def test_a_file_that_is_not_there_yet_is_waited_for(asked: Asked) -> None:
    hands = FakeHands()
    hands.at[10] = lambda: feed(asked, 60)
    assert watch_here(take_order(replace(asked, lasts=HOUR)), hands=hands) is Decision.GO


def test_a_line_that_does_not_read_is_told_and_passed_over(asked: Asked) -> None:
    feed(asked, 10)
    with (asked.root / "samples.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"schema": "gonogo/sample/1", "seq": true}\n')
    feed(asked, 20, first=12)
    hands = stopping(START)
    assert watch_here(take_order(replace(asked, lasts=HOUR)), hands=hands) is Decision.HOLD
    folder = watches(asked.base)[-1]
    log = (folder / "log.jsonl").read_text(encoding="utf-8")
    assert "samples.jsonl:11:" in log
    last = decided(folder)["last"]
    assert isinstance(last, dict)
    assert last["seq"] == 30
    assert len(last["gaps"]) == 1


def test_an_environment_without_rules_or_without_leave_is_refused(asked: Asked) -> None:
    path = asked.root / "environments" / "small.yaml"
    with pytest.raises(SafetyRefusal, match="does not allow the action 'rollback'"):
        take_order(replace(asked, on_no_go="rollback"))
    text = path.read_text(encoding="utf-8")
    path.write_text(text[: text.index("watch:")], encoding="utf-8")
    with pytest.raises(ConfigError, match="small has no `watch`: its rules are not written"):
        take_order(asked)
    path.write_text(text.replace("  stable: {url: 'https://stable.example'}\n", ""), encoding="utf-8")
    with pytest.raises(ConfigError, match="small has no side 'stable'"):
        take_order(asked)


def test_a_folder_that_cannot_be_written_is_one_line(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    order = take_order(replace(asked, lasts=HOUR))
    feed(asked, 3)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gonogo.flows.watch.store.Store.append", full)
    with pytest.raises(NotKept, match=r"cannot be written \(No space left on device\); this is no GO"):
        watch_here(order, hands=FakeHands())


@pytest.mark.parametrize("file", ["plan.json", "samples.jsonl"])
def test_row88_what_was_changed_is_not_gone_on_with(asked: Asked, file: str) -> None:
    """The line says what does not fit and how to begin anew; that works."""
    feed(asked, 5)
    order = take_order(replace(asked, lasts=HOUR))
    path = cut_off(order) / file
    path.write_text(path.read_text(encoding="utf-8").replace('"', "'", 3), encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"{file}.*--replace begins anew"):
        watch_here(order, hands=FakeHands())
    watch_here(replace(order, asked=replace(order.asked, replace=True)), hands=stopping(START))
    assert len(watches(asked.base)) == 2


def test_only_the_secrets_that_a_watch_needs_have_to_be_set(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """The channel's token, since alerts are posted; not that of a data base that nobody asks."""
    path = asked.root / "environments" / "small.yaml"
    backs = """\
back_ends:
  slack: {address: 'https://slack.example', auth: {kind: bearer, secret: CHANNEL_TOKEN}}
  postgres: {address: 'db.example:5432', auth: {kind: bearer, secret: DB_PASSWORD}}
"""
    alerts = "  alerts: {critical: {to: alarms, when: [error_ratio > 0.9]}}\n"
    path.write_text(path.read_text(encoding="utf-8") + alerts + backs, encoding="utf-8")
    monkeypatch.delenv("DB_PASSWORD", raising=False)
    monkeypatch.delenv("CHANNEL_TOKEN", raising=False)
    order = take_order(replace(asked, lasts=HOUR))
    with pytest.raises(ConfigError, match="the variable CHANNEL_TOKEN is not set"):
        watch_here(order, hands=stopping(START))
    assert watches(asked.base) == []
    monkeypatch.setenv("CHANNEL_TOKEN", "token-of-a-channel")
    monkeypatch.setattr("gonogo.flows.watch.slack.SlackPost.__call__", lambda *_: None)
    assert watch_here(order, hands=stopping(START)) is Decision.HOLD


def test_alerts_without_a_back_end_for_them_are_refused(asked: Asked) -> None:
    """Nobody finds out from a log that the alerts of an outage went nowhere; a watch without alerts may begin."""
    path = asked.root / "environments" / "small.yaml"
    assert take_order(asked).rulebook.alerts == {}
    alerts = "  alerts: {critical: {to: alarms, when: [error_ratio > 0.9]}}\n"
    path.write_text(path.read_text(encoding="utf-8") + alerts, encoding="utf-8")
    with pytest.raises(ConfigError, match="alerts go to alarms, and small has no back end slack to post them with"):
        take_order(asked)
    root = Path(__file__).parents[3]
    for name in ("factory-prod", "factory-local", "ion-canary", "local"):  # ours have one
        environment = load_environment(name, root / "environments", root=root)
        assert environment.watch is None or not environment.watch.alerts or "slack" in environment.back_ends


def test_a_watch_without_a_login_is_not_begun(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody finds out after a day of HOLD that nobody was logged in; a file of samples needs no login."""
    path = asked.root / "environments" / "small.yaml"
    back = "back_ends:\n  cloud_monitoring: {names: {project: shop}}\n"
    path.write_text(path.read_text(encoding="utf-8") + back, encoding="utf-8")

    def nobody(_: object) -> str:
        raise Failure(Cause.DENIED, "no Google credentials found")

    monkeypatch.setattr("gonogo.flows.watch.surroundings.principal", nobody)
    order = take_order(replace(asked, lasts=HOUR))
    assert watch_here(order, hands=stopping(START)) is Decision.HOLD
    asks = replace(order, rulebook=replace(order.rulebook, source=Source(lag=MINUTE)))
    with pytest.raises(ConfigError, match="no Google credentials found; nothing was begun"):
        watch_here(asks, hands=stopping(START))
    ended: list[Path] = []
    monkeypatch.setattr("gonogo.flows.watch.begin.end_first", ended.append)
    with pytest.raises(ConfigError, match="no Google credentials found"):
        watch_here(replace(asks, asked=replace(asks.asked, replace=True)), hands=stopping(START))
    assert ended == []  # one that watches is not ended for one that cannot
    assert len(watches(asked.base)) == 1


def test_a_watch_of_prometheus_needs_its_token_and_no_sides(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its queries tell the sides apart; without the token of its back end nothing could be seen."""
    (asked.root / "environments" / "metrics.yaml").write_text(
        """\
name: metrics
system: shop
describe: d
back_ends:
  prometheus: {address: 'https://prometheus.example', auth: {kind: bearer, secret: METRICS_TOKEN}}
watch:
  for: 20m
  go: [error_ratio <= 0.01]
  rollback: [error_ratio > 0.01 for 3 samples]
  source:
    kind: prometheus
    queries: {sides: {canary: 'a="b"', stable: 'a="c"'}, requests: 'r{{side}}', errors: 'r{status="500",{side}}'}
""",
        encoding="utf-8",
    )
    monkeypatch.delenv("METRICS_TOKEN", raising=False)
    mine = replace(asked, environment="metrics", samples=None)
    order = take_order(mine)
    with pytest.raises(ConfigError, match="the variable METRICS_TOKEN is not set"):
        watch_here(order, hands=stopping(START))
    assert watches(mine.base) == []
