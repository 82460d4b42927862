"""What a watch does outside of itself: waits, reads clocks, and lets slow work be done beside it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

from gonogo.flows.clock import Clock, SystemClock

T = TypeVar("T")
_TURN_S = 0.05
_JUMP = timedelta(seconds=5)


class Late(Exception):
    """Work that was not over in its time; it is left alone."""


class Stopped(Exception):
    """The watch was told to end."""


class Hands(Protocol):
    """Tests move the clock and do the work at once."""

    def now(self) -> datetime:
        """Wall time in UTC, for stamps."""

    def monotonic(self) -> float:
        """Seconds that never jump, for intervals."""

    @property
    def stopped(self) -> bool:
        """Whether the watch was told to end."""

    def pause(self, seconds: float) -> None:
        """Wait, and no longer once the watch was told to end."""

    def run(self, work: Callable[[], T], within_s: float, *, finish: bool = False) -> T:
        """The result of slow work, or what it raised; Late after `within_s`, Stopped when told to end (`finish`: only
        after that work).
        """

    def begin(self, work: Callable[[], T]) -> Work[T]:
        """Work that goes on beside the watch, and dies with it."""


@dataclass(slots=True)
class Work(Generic[T]):
    """Work in a thread of its own."""

    done: threading.Event = field(default_factory=threading.Event)
    result: T | None = None
    error: Exception | None = None

    def do(self, work: Callable[[], T]) -> None:
        """Do it, and keep what came of it."""
        try:
            self.result = work()
        except Exception as error:  # noqa: BLE001 - it is raised where the result is asked for
            self.error = error
        finally:
            self.done.set()

    def told(self) -> T:
        """What came of it."""
        if self.error is not None:
            raise self.error
        return self.result  # type: ignore[return-value]


class SystemHands:
    """Clocks and threads of this machine; `stop` is set from a signal handler."""

    def __init__(self, stop: threading.Event, clock: Clock | None = None) -> None:
        """Nothing is done yet."""
        self._stop = stop
        self._clock = clock or SystemClock()

    def now(self) -> datetime:
        """Wall time in UTC."""
        return self._clock.now()

    def monotonic(self) -> float:
        """Seconds that never jump."""
        return self._clock.monotonic()

    @property
    def stopped(self) -> bool:
        """Whether the watch was told to end."""
        return self._stop.is_set()

    def pause(self, seconds: float) -> None:
        """Wait, in turns: a signal handler runs between them also where a wait cannot be interrupted."""
        ends = self.monotonic() + seconds
        while not self.stopped and (left := ends - self.monotonic()) > 0:
            self._stop.wait(min(left, 1.0))

    def run(self, work: Callable[[], T], within_s: float, *, finish: bool = False) -> T:
        """In a thread that nobody waits for at the end of the process."""
        doing = self.begin(work)
        ends = self.monotonic() + within_s
        while not doing.done.wait(_TURN_S):
            if self.stopped and not finish:
                raise Stopped
            if self.monotonic() >= ends:
                raise Late
        return doing.told()

    def begin(self, work: Callable[[], T]) -> Work[T]:
        """A daemon thread."""
        doing: Work[T] = Work()
        threading.Thread(target=doing.do, args=(work,), daemon=True).start()
        return doing


@dataclass(slots=True)
class Clocks:
    """The wall clock beside the one that never jumps."""

    _last: tuple[datetime, float] | None = None

    def jump(self, hands: Hands) -> timedelta:
        """By how much the wall clock went ahead of the other since the last call, or back; zero for a few seconds."""
        now, ticks = hands.now(), hands.monotonic()
        before, self._last = self._last, (now, ticks)
        if before is None:
            return timedelta(0)
        jump = (now - before[0]) - timedelta(seconds=ticks - before[1])
        return jump if abs(jump) > _JUMP else timedelta(0)
