"""The judges of a canary over R runs at once: ours, one like Kayenta's, and the runbooks' three in a row."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from canary_world import AT_500, AT_LIMIT, AT_RACED, ERROR_LIMIT, MEMORY_LIMIT, Minute

from gonogo.judges.canary.certificate import Mean, share_log_e
from gonogo.judges.canary.evidence import Dispersion, Race
from gonogo.judges.canary.leak import BLOCK, Leak
from gonogo.judges.canary.sequential import QUANTILE_WEIGHTS, RESTART, SPLIT
from gonogo.judges.canary.trend import FORECAST, GO_ALPHA, PROVEN
from gonogo.model.rulebook import Rulebook

Array = npt.NDArray[np.float64]

_RULEBOOK = Rulebook()
_RESTART = int(RESTART.total_seconds()) // 60
_BOUND_BLOCK = 5


class Ours:
    """What judges/canary/sequential.py does with one watch, with the same parts and settings, for R of them."""

    def __init__(self, runs: int) -> None:
        restarts = 24 * 60 // _RESTART - 1
        self._errors = Race((1.0,), margin=_RULEBOOK.margin, restarts=restarts, runs=runs)
        self._latency = Race(QUANTILE_WEIGHTS, margin=_RULEBOOK.margin, restarts=restarts, runs=runs)
        self._spreads = Dispersion(1, runs), Dispersion(len(QUANTILE_WEIGHTS), runs)
        self._leak, self._bound, self._memory = Leak(runs), Leak(runs, block=_BOUND_BLOCK), Mean(runs)
        self._totals = np.zeros((3, runs))  # requests, errors, above the limit
        self._minute = 0
        self.alarm, self.go = np.full(runs, math.inf), np.full(runs, math.inf)  # minutes

    def feed(self, minute: Minute) -> None:
        """One minute more."""
        if self._minute and self._minute % _RESTART == 0:
            self._errors.restart()
            self._latency.restart()
        self._minute += 1
        errors = [one[:, None] for one in minute.errors]
        slow = [one[:, AT_RACED] for one in minute.above]
        self._errors.add(errors[0][:, None, :], errors[1][:, None, :], minute.requests)
        self._spreads[0].add(errors[0], errors[1], minute.requests)
        if self._minute > 1:  # the first sample settles the quantiles
            self._latency.add(slow[0][:, None, :], slow[1][:, None, :], minute.requests)
            self._spreads[1].add(slow[0], slow[1], minute.requests)
        self._leak.add(*minute.memory)
        self._bound.add(*minute.memory)
        self._memory.add(minute.memory[0])
        self._totals += np.stack([minute.requests[0], minute.errors[0], minute.above[0][:, AT_LIMIT]])
        spreads = [one.ratio() for one in self._spreads]
        alarmed = self._alarmed(spreads, minute)
        self.alarm[alarmed & np.isinf(self.alarm)] = self._minute
        proven = self._proven(spreads) & np.isinf(self.alarm)
        self.go[proven & np.isinf(self.go)] = self._minute

    def _alarmed(self, spreads: list[Array], minute: Minute) -> npt.NDArray[np.bool_]:
        over = {
            "error_ratio": self._errors.log_e(spreads[0]),
            "latency": self._latency.log_e(spreads[1]),
            "memory": np.where(self._crosses(minute), self._leak.log_e(), -np.inf),
        }
        limits = {name: -math.log(_RULEBOOK.false_alarms * SPLIT[name]) for name in over}
        return np.asarray(np.any([log_e >= limits[name] for name, log_e in over.items()], axis=0))

    def _crosses(self, minute: Minute) -> npt.NDArray[np.bool_]:
        slope = self._leak.recent_slope() / BLOCK
        minutes = FORECAST.total_seconds() / 60
        return np.asarray((slope > 0) & (minute.memory[0] + slope * minutes >= MEMORY_LIMIT))

    def _proven(self, spreads: list[Array]) -> npt.NDArray[np.bool_]:
        requests, errors, slow = self._totals
        wanted = -math.log(GO_ALPHA)
        slope = np.maximum(self._bound.upper_slope(GO_ALPHA), 0.0) / _BOUND_BLOCK
        level = self._memory.mean + slope * (PROVEN.total_seconds() / 60)
        memory = np.maximum(level, self._memory.upper(GO_ALPHA))
        return np.asarray(
            (share_log_e(errors, requests, ERROR_LIMIT) / spreads[0][:, 0] >= wanted)
            & (share_log_e(slow, requests, 0.05) / spreads[1].max(axis=1) >= wanted)
            & (memory <= MEMORY_LIMIT)
        )


class ThreeInARow:
    """error_ratio > 1 % or p95 > 500 ms in three samples in a row, memory > 85 % in two; a sample every minute."""

    def __init__(self, runs: int) -> None:
        self._streaks = np.zeros((3, runs))
        self._minute = 0
        self.alarm = np.full(runs, math.inf)

    def feed(self, minute: Minute) -> None:
        """One minute more."""
        self._minute += 1
        n = np.maximum(minute.requests[0], 1)
        broken = (minute.errors[0] / n > 0.01, minute.above[0][:, AT_500] / n > 0.05, minute.memory[0] > MEMORY_LIMIT)
        self._streaks = np.where(np.stack(broken), self._streaks + 1, 0)
        fired = (self._streaks >= np.array([[3], [3], [2]])).any(axis=0)
        self.alarm[fired & np.isinf(self.alarm)] = self._minute


class KayentaLike:
    """Mann-Whitney on minute values of a growing window, every ten minutes, with Kayenta's defaults: 98 % confidence,
    and a tolerance of a quarter of the stable side's mean. Shares above p50 and p95, errors, memory; any is an alarm.
    """

    EVERY = 10
    _Z = 2.054  # normal quantile of 98 %
    _TOLERANCE = 0.25

    def __init__(self, runs: int) -> None:
        self._values: list[Array] = []  # (4, 2, R)
        self.alarm = np.full(runs, math.inf)

    def feed(self, minute: Minute) -> None:
        """One minute more."""
        sides = []
        for side in (0, 1):
            n = np.maximum(minute.requests[side], 1)
            share = minute.above[side] / n[:, None]
            sides.append([share[:, AT_RACED[0]], share[:, AT_RACED[2]], minute.errors[side] / n, minute.memory[side]])
        self._values.append(np.moveaxis(np.array(sides), 0, 1))
        if len(self._values) % self.EVERY == 0:
            values = np.stack(self._values)  # (minutes, 4, 2, R)
            allowed = values[:, :, 1] + self._TOLERANCE * values[:, :, 1].mean(axis=0)
            worse = [_u_above(values[:, metric, 0], allowed[:, metric]) > self._Z for metric in range(4)]
            self.alarm[np.any(worse, axis=0) & np.isinf(self.alarm)] = len(self._values)


def _u_above(canary: Array, stable: Array) -> Array:
    """Normal score of Mann-Whitney's U of (minutes, R) against (minutes, R): high where the canary's is larger."""
    n = len(canary)
    both = np.concatenate([canary, stable])
    order = both.argsort(axis=0, kind="stable")
    ranks = np.empty_like(both)
    np.put_along_axis(ranks, order, np.arange(1.0, 2 * n + 1)[:, None] * np.ones(both.shape[1]), axis=0)
    ties = np.take_along_axis(both, order, axis=0)
    for run in range(both.shape[1]):  # equal values share the mean of their ranks
        _, first, count = np.unique(ties[:, run], return_index=True, return_counts=True)
        if len(count) < 2 * n:
            ranks[order[:, run], run] = np.repeat(first + (count + 1) / 2, count)
    u = ranks[:n].sum(axis=0) - n * (n + 1) / 2
    return np.asarray((u - n * n / 2) / math.sqrt(n * n * (2 * n + 1) / 12))
