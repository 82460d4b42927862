"""What a watch is given to act with: a rollback, and the gentle look beside the samples."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from gonogo.flows.watch.hands import Hands, Late, Work
from gonogo.model.watch import CanaryVerdict

_ROLLS_BACK_S = 330.0  # it has bounds of its own, and pods take minutes


@dataclass(frozen=True, slots=True, kw_only=True)
class RolledBack:
    """What a rollback came to. `text` is one line; `did` is what is kept of it."""

    done: bool
    text: str
    did: Any = None


class Rollback(Protocol):
    """Puts all traffic back to the stable side. It tries again by itself, within bounds."""

    def __call__(self, verdict: CanaryVerdict, /) -> RolledBack:
        """What was done."""


class Report(Protocol):
    """The gentle look every now and then, beside the samples."""

    def __call__(self) -> str:
        """One line."""


@dataclass(slots=True, kw_only=True)
class Reports:
    """A line every now and then, and what the gentle look beside the watch came to. It never holds up a sample."""

    every: timedelta | None = None
    look: Report | None = None
    _due: float | None = None
    _doing: Work[str] | None = None

    def lines(self, hands: Hands, verdict: CanaryVerdict | None) -> list[str]:
        """What there is to say now, and begin the look where it is due."""
        said = []
        if self._doing is not None and self._doing.done.is_set():
            doing, self._doing = self._doing, None
            try:
                said.append(doing.told())
            except Exception as error:  # noqa: BLE001 - a look that fails never ends a watch
                said.append(f"the look failed: {error}")
        if self.every is None:
            return said
        now = hands.monotonic()
        if self._due is None:
            self._due = now + self.every.total_seconds()
        elif now >= self._due:
            self._due = now + self.every.total_seconds()
            if verdict is not None:
                said.append(_line(verdict))
            if self.look is not None and self._doing is None:
                self._doing = hands.begin(self.look)
        return said


def roll_back(rollback: Rollback, verdict: CanaryVerdict, hands: Hands) -> RolledBack:
    """Do it, also when told to end meanwhile; whatever goes wrong is its result."""
    try:
        return hands.run(lambda: rollback(verdict), _ROLLS_BACK_S, finish=True)
    except Late:
        return RolledBack(done=False, text=f"the rollback was not over within {_ROLLS_BACK_S:.0f} s")
    except Exception as error:  # noqa: BLE001 - whatever went wrong is paged
        return RolledBack(done=False, text=f"the rollback failed: {error}")


def _line(verdict: CanaryVerdict) -> str:
    return "; ".join([f"{verdict.decision.value} so far at sample {verdict.seq}", *verdict.reasons[:2]])
