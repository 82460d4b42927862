"""A watch whose clock is moved by its own waiting: a simulated day passes in a second."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from tests.canary_sim import RULEBOOK, START, rule

from gonogo.flows.watch.alerting import Alert, Alerts, told
from gonogo.flows.watch.hands import Work
from gonogo.flows.watch.loop import Watch
from gonogo.flows.watch.sampler import Taken
from gonogo.flows.watch.store import Store, read_log, watches
from gonogo.model.rulebook import Alerting, Rulebook
from gonogo.model.watch import Sample

T = TypeVar("T")
HOUR = timedelta(hours=1)
ALERTING = replace(
    RULEBOOK,
    alerts={
        "critical": Alerting(to="alarms", when=(rule("error_ratio > 0.1"), rule("p95_latency > 5 s"))),
        "warning": Alerting(to="alarms", when=(rule("error_ratio > 0.05"),), cadence=HOUR),
        "info": Alerting(to="notes", when=(rule("cpu > 0.9"),)),
    },
)


class FakeHands:
    """Waiting moves both clocks; `at` is what happens on the way: after so many seconds, once."""

    def __init__(self, now: datetime = START) -> None:
        self.wall = now
        self.ticks = 0.0
        self.stopped = False
        self.bounds: list[tuple[float, bool]] = []
        self.at: dict[float, Callable[[], None]] = {}

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return self.ticks

    def pause(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.ticks += seconds
        for due in [due for due in self.at if due <= self.ticks]:
            self.at.pop(due)()

    def run(self, work: Callable[[], T], within_s: float, *, finish: bool = False) -> T:
        self.bounds = [(within_s, finish)]
        return work()

    def begin(self, work: Callable[[], T]) -> Work[T]:
        doing: Work[T] = Work()
        doing.do(work)
        return doing


class FakeSampler:
    """Samples that are told once their interval is over by the clock of the watch."""

    def __init__(self, samples: Iterable[Sample], notes: Iterable[str] = ()) -> None:
        self._samples: Iterator[Sample] = iter(samples)
        self._next = next(self._samples, None)
        self.notes = tuple(notes)
        self.asked: list[datetime | None] = []

    def take(self, after: datetime | None, now: datetime) -> Taken:
        self.asked.append(after)
        taken = []
        while self._next is not None and self._next.until <= now:
            if after is None or self._next.since >= after:
                taken.append(self._next)
            self._next = next(self._samples, None)
        return Taken(samples=tuple(taken), notes=self.notes)

    def due(self, _: datetime | None) -> None:
        return None


class Channel:
    """Messages that were posted; the first `fails` posts fail."""

    def __init__(self, fails: int = 0) -> None:
        self.said: list[Alert] = []
        self.fails = fails
        self.asked: list[str] = []

    def __call__(self, alert: Alert) -> None:
        if self.fails:
            self.fails -= 1
            raise OSError("the channel does not answer")
        self.said.append(alert)

    def heard(self, alert: Alert) -> bool:
        self.asked.append(alert.key)
        return alert in self.said

    @property
    def texts(self) -> list[str]:
        return [alert.text for alert in self.said]


def make_watch(
    base: Path,
    samples: Iterable[Sample],
    *,
    lasts: timedelta = HOUR,
    rulebook: Rulebook = RULEBOOK,
    hands: FakeHands | None = None,
    channel: Channel | None = None,
    **more: Any,
) -> Watch:
    """A new watch of these samples, or the one of `base` that was cut off."""
    hands = hands or FakeHands()
    rulebook = replace(rulebook, for_=lasts)
    cut = watches(base)
    if cut:
        store = Store.open(cut[-1])
    else:
        ends = (hands.wall + lasts).isoformat()
        store = Store.create(base, {"started": hands.wall.isoformat(), "ends": ends, "environment": "e"}, hands.wall)
    done, doubtful = told(read_log(store.folder))
    watch = Watch(
        environment="e",
        store=store,
        rulebook=rulebook,
        sampler=FakeSampler(samples),
        hands=hands,
        alerts=Alerts(
            environment="e",
            levels=rulebook.alerts,
            log=lambda kind, text, **extra: store.log(hands.now(), kind, text, **extra),
            post=channel,
            done=done,
            doubtful=doubtful,
        ),
        started=datetime.fromisoformat(store.plan["started"]),
        ends=datetime.fromisoformat(store.plan["ends"]),
        **more,
    )
    if cut:
        watch.resume(store.resume())
    return watch


def logged(watch: Watch, kind: str) -> list[str]:
    """Texts of one kind in the log."""
    return [entry["text"] for entry in read_log(watch.store.folder) if entry["kind"] == kind]
