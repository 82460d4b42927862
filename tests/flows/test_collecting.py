"""collecting: every look has evidence at the end, whatever its probe does, and time is moved by hand."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gonogo.flows import collecting
from gonogo.flows.clock import SystemClock
from gonogo.flows.collecting import Collector, import_clients
from gonogo.model.check import Area, Check, Eventually, Phase
from gonogo.model.environment import Environment
from gonogo.model.errors import ConfigError, SafetyRefusal
from gonogo.model.evidence import Cause, Evidence, Seen, Unseen
from gonogo.model.run import PlannedLook
from gonogo.probes.base import Probe, Sight, Vantage

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


@dataclass(slots=True)
class HandClock:
    """Time passes by sleeping, and by `jump` for the wall alone."""

    seconds: float = 0.0
    jump: timedelta = timedelta(0)
    slept: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds) + self.jump

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds


@dataclass(slots=True)
class Kept:
    """A watcher and a keeper."""

    evidence: list[Evidence] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)

    def on_done(self, look: str) -> None:
        self.sources.append(look)


def planned(key: str, kind: str = "fake", options: Any = None) -> PlannedLook:
    return PlannedLook(key=key, kind=kind, options=options if options is not None else key)


@pytest.fixture
def look_with(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """The only kind of probe in these tests: this function of the options."""

    def install(see: Callable[[Any], Sight], **more: Any) -> None:
        probe = Probe(options=str, look=lambda options, _: see(options), **more)
        monkeypatch.setattr(collecting, "PROBES", {"fake": probe})

    return install


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def collector(kept: Kept) -> Iterator[Collector]:
    clock = HandClock()
    vantage = Vantage(
        environment=Environment(name="shop", system="shop", describe=""),
        release=None, now=START, t0=None, reveal=str,
    )  # fmt: skip
    yield Collector(
        vantage=vantage, clock=clock, redact=lambda e: e, watcher=kept, keep=kept.evidence.append,
        ends_within=timedelta(seconds=5),
    )  # fmt: skip
    vantage.close()


def seen(options: Any) -> Sight:
    return Sight(source=f"at {options}", outcome=Seen(data={"n": options}))


@settings(max_examples=25, deadline=None)
@given(ends=st.lists(st.sampled_from(["seen", "unseen", "raises", "exits"]), max_size=70))
def test_every_look_has_evidence(ends: list[str]) -> None:
    """Seen, not seen, failed or thread ended: one evidence a look, each written down and told exactly once."""

    def see(options: Any) -> Sight:
        match ends[int(options)]:
            case "unseen":
                return Sight(source="x", outcome=Unseen(cause=Cause.TIMEOUT, detail="late"))
            case "raises":
                raise ValueError("boom")
            case "exits":
                raise SystemExit(0)
            case _:
                return seen(options)

    kept = Kept()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(collecting, "PROBES", {"fake": Probe(options=str, look=lambda options, _: see(options))})
        environment = Environment(name="shop", system="shop", describe="")
        vantage = Vantage(environment=environment, release=None, now=START, t0=None, reveal=str)
        taken = Collector(
            vantage=vantage, clock=HandClock(), redact=lambda e: e, watcher=kept, keep=kept.evidence.append
        ).take_all([planned(str(number)) for number in range(len(ends))])
    assert sorted(taken, key=int) == [str(number) for number in range(len(ends))]
    for key, evidence in taken.items():
        assert isinstance(evidence.outcome, Seen) == (ends[int(key)] == "seen")
    assert sorted(e.look for e in kept.evidence) == sorted(taken)
    assert len(kept.sources) == len(ends)


def test_row81_a_look_that_hangs_is_unseen(collector: Collector, look_with: Any, kept: Kept) -> None:
    """The others do not wait for it beyond the watchdog, and its evidence says what happened."""
    release = threading.Event()

    def see(options: Any) -> Sight:
        if options == "hangs":
            release.wait(60)
        return seen(options)

    look_with(see)
    short = Collector(
        vantage=collector.vantage, clock=collector.clock, redact=collector.redact, watcher=kept,
        keep=kept.evidence.append, ends_within=timedelta(seconds=1),
    )  # fmt: skip
    taken = short.take_all([planned("hangs"), planned("b"), planned("c")])
    release.set()
    assert isinstance(taken["b"].outcome, Seen)
    assert taken["hangs"].outcome == Unseen(cause=Cause.UNAVAILABLE, detail="the look did not end within 1s")
    assert {e.look for e in kept.evidence} == {"hangs", "b", "c"}


@pytest.mark.parametrize("error", [RecursionError("deep"), MemoryError(), KeyError("x"), UnicodeError("u"), OSError(5)])
def test_row84_whatever_a_probe_raises_is_unseen(collector: Collector, look_with: Any, error: Exception) -> None:
    """The observer failed, by name; it is no failure of the system and no traceback."""

    def see(_: Any) -> Sight:
        raise error

    look_with(see)
    outcome = collector.take_all([planned("a")])["a"].outcome
    assert isinstance(outcome, Unseen)
    assert outcome.cause is Cause.UNAVAILABLE
    assert type(error).__name__ in outcome.detail


@pytest.mark.parametrize("error", [ConfigError("no such side"), SafetyRefusal("not this host")])
def test_an_error_for_the_user_goes_through(collector: Collector, look_with: Any, error: Exception) -> None:
    """What a probe refuses to do is said, and ends the run."""

    def see(_: Any) -> Sight:
        raise error

    look_with(see)
    with pytest.raises(type(error), match=str(error)):
        collector.take_all([planned("a"), planned("b")])


def test_no_looks_are_no_evidence(collector: Collector, look_with: Any) -> None:
    """Nothing to do ends at once."""
    look_with(seen)
    assert collector.take_all([]) == {}


def test_looks_go_out_side_by_side(collector: Collector, look_with: Any) -> None:
    """Twenty looks that all wait for each other come back."""
    together = threading.Barrier(20, timeout=60)

    def see(options: Any) -> Sight:
        together.wait()
        return seen(options)

    look_with(see)
    taken = collector.take_all([planned(str(number)) for number in range(20)])
    assert all(isinstance(evidence.outcome, Seen) for evidence in taken.values())


def test_evidence_is_redacted_before_anybody_sees_it(collector: Collector, look_with: Any, kept: Kept) -> None:
    """What is kept and told went through `redact` first."""
    look_with(seen)
    order: list[str] = []
    cleaning = Collector(
        vantage=collector.vantage, clock=collector.clock, redact=lambda e: (order.append("redact"), e)[1],
        keep=lambda _: order.append("keep"),
    )  # fmt: skip
    cleaning.take_all([planned("a")])
    assert order == ["redact", "keep"]


def test_attempts_of_a_probe_are_kept(collector: Collector, look_with: Any) -> None:
    """A retry inside a look shows: when, how long, how it ended."""
    tries = ((timedelta(seconds=1), "reset"), (timedelta(seconds=2), "200"))
    look_with(lambda _: Sight(source="x", outcome=Seen(data={}), tries=tries))
    attempts = collector.take_all([planned("a")])["a"].attempts
    assert [(a.started - START, a.ended) for a in attempts] == [
        (timedelta(0), "reset"),
        (timedelta(seconds=1), "200"),
    ]


def test_row120_a_wall_clock_that_jumps_changes_no_duration(collector: Collector, look_with: Any) -> None:
    """An hour back or forth while a look is out: its length is that of the steady clock."""
    clock = collector.clock
    assert isinstance(clock, HandClock)

    def see(options: Any) -> Sight:
        clock.seconds += 2
        clock.jump -= timedelta(hours=1)
        return seen(options)

    look_with(see)
    evidence = collector.take(planned("a"))
    assert evidence.ended - evidence.started == timedelta(seconds=2)


def check(name: str, within: int, every: int) -> Check:
    return Check(
        id=name, title={"en": name}, system="shop", phase=Phase.PREDEPLOY, area=Area.TEAM, owner="Kim", remedy="x",
        source="x", eventually=Eventually(within=timedelta(seconds=within), every=timedelta(seconds=every)),
    )  # fmt: skip


def first(key: str) -> Evidence:
    return Evidence(
        look=key, kind="fake", source="x", started=START, ended=START, outcome=Unseen(cause=Cause.NO_DATA, detail="-")
    )


def test_eventually_looks_every_so_often_until_it_passes(collector: Collector, look_with: Any, kept: Kept) -> None:
    """Every 10 s, not before and not after it passed; each attempt is kept and written down."""
    times: list[float] = []
    clock = collector.clock
    assert isinstance(clock, HandClock)

    def see(options: Any) -> Sight:
        times.append(clock.seconds)
        return seen(len(times))

    look_with(see)
    evidence = {"a": first("a")}

    def passes(_: Check) -> bool:
        outcome = evidence["a"].outcome
        return isinstance(outcome, Seen) and outcome.data["n"] == 3

    collector.retake([check("one", 60, 10)], {"one": {"it": "a"}}, {"a": planned("a")}, evidence, passes)
    assert times == [10, 20, 30]
    assert len(evidence["a"].attempts) == 3
    assert evidence["a"].started == START
    assert len(kept.evidence) == 3


@pytest.mark.parametrize(("within", "every", "looks"), [(60, 10, 6), (59, 10, 5), (10, 10, 1), (5, 10, 1)])
def test_eventually_ends_when_its_time_is_over(
    collector: Collector, look_with: Any, within: int, every: int, looks: int
) -> None:
    """Row 123: no look after `within`; the last one stands as it is."""
    asked: list[Any] = []

    def see(options: Any) -> Sight:
        asked.append(options)
        return seen(options)

    look_with(see)
    collector.retake(
        [check("one", within, every)], {"one": {"it": "a"}}, {"a": planned("a")}, {"a": first("a")}, lambda _: False
    )
    assert len(asked) == looks


def test_eventually_shares_looks_and_leaves_the_passed_alone(collector: Collector, look_with: Any) -> None:
    """Two items due at once on one look are one request; an item that passed at first is never looked at again."""
    asked: list[str] = []

    def see(options: Any) -> Sight:
        asked.append(options)
        return seen(options)

    look_with(see)
    uses = {"one": {"it": "a"}, "two": {"it": "a", "more": "b"}, "good": {"it": "c"}}
    collector.retake(
        [check("one", 10, 10), check("two", 10, 10), check("good", 10, 10)],
        uses, {key: planned(key) for key in "abc"}, {key: first(key) for key in "abc"}, lambda c: c.id == "good",
    )  # fmt: skip
    assert sorted(asked) == ["a", "b"]


def test_row81_a_second_look_that_hangs_ends_too(collector: Collector, look_with: Any) -> None:
    """The watchdog stands behind looks that are repeated as well."""
    release = threading.Event()
    look_with(lambda options: (release.wait(60), seen(options))[1])
    short = Collector(
        vantage=collector.vantage, clock=collector.clock, redact=collector.redact,
        ends_within=timedelta(milliseconds=100),
    )  # fmt: skip
    evidence = {"a": first("a")}
    short.retake([check("one", 10, 10)], {"one": {"it": "a"}}, {"a": planned("a")}, evidence, lambda _: False)
    release.set()
    outcome = evidence["a"].outcome
    assert isinstance(outcome, Unseen)
    assert outcome.detail == "the look did not end within 100ms"


def test_a_client_that_is_missing_names_its_extra(look_with: Any) -> None:
    """Before anything is sent, with the command that installs it."""
    look_with(seen, clients=("no_such_client_anywhere",), extra="redis")
    with pytest.raises(ConfigError, match=r"no_such_client_anywhere cannot be .*pip install 'gonogo\[redis\]'"):
        import_clients(["fake"])


def test_google_s_clients_leave_alone_what_is_not_asked_of_them() -> None:
    """A third of a second of every run: what they would take in where it is installed; it can be imported after."""
    program = (
        "import sys; from gonogo.flows.collecting import import_clients\n"
        "import_clients(['cloud_run', 'cloud_logging'])\n"
        "print([name for name in ('aiohttp', 'flask') if name in sys.modules]); import aiohttp, flask"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout.strip(), done.stderr, done.returncode) == ("[]", "", 0)


def test_the_clock_of_the_machine() -> None:
    """UTC for stamps, a steady clock for durations."""
    clock = SystemClock()
    before = clock.monotonic()
    clock.sleep(0.001)
    assert clock.monotonic() > before
    assert clock.now().tzinfo is UTC
