"""What a certificate cannot see: a canary that gets no requests, measures that are told too seldom, other intervals."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from gonogo.judges.canary.measures import is_latency, tells
from gonogo.model.rulebook import Rulebook
from gonogo.model.units import show_duration, show_number
from gonogo.model.watch import CANARY, STABLE, Sample, SideSample

COVERED = 0.9  # of the time so far has to be seen for GO
EXPECTED = 20.0  # requests that the canary should have had: that none came is then no chance (e^-20)
_FEW = 5  # samples without a request of a canary that never had one


class Doubts:
    """Why what was seen is not enough for GO, whatever the bounds say. The same samples give the same doubts."""

    def __init__(self, rulebook: Rulebook) -> None:
        """Nothing was seen."""
        self._every = rulebook.every
        measures = dict.fromkeys(rule.measure for rule in rulebook.go)
        self._wanted = [(CANARY, name) for name in measures]
        self._wanted += [(STABLE, name) for name in measures if name == "error_ratio" or is_latency(name)]
        self._provable = any(name != "requests" for name in measures)
        self._missed = dict.fromkeys(self._wanted, timedelta(0))
        self._why: dict[tuple[str, str], str] = {}
        self._lasted = timedelta(0)
        self._samples = self._other = 0
        self._length = rulebook.every
        self._traffic = [0, 0]  # requests of the canary and of the stable side, up to the canary's last one
        self._silent: datetime | None = None  # since when the canary has had no request
        self._silence = [0, 0]  # samples, and requests of the stable side, since then
        self._until: datetime | None = None

    def add(self, sample: Sample) -> None:
        """One sample more."""
        self._samples += 1
        self._until = sample.until
        self._length = sample.until - sample.since
        self._other += abs(self._length - self._every) > self._every / 2
        self._lasted += self._length
        canary, stable = (sample.sides.get(name) or SideSample() for name in (CANARY, STABLE))
        self._listen(canary, stable, sample.since)
        for key in self._wanted:
            side = canary if key[0] == CANARY else stable
            if side.requests is not None and not tells(side, key[1]):
                self._missed[key] += self._length
                self._why[key] = side.unseen.get("latency" if is_latency(key[1]) else key[1], "")

    def _listen(self, canary: SideSample, stable: SideSample, since: datetime) -> None:
        if canary.requests is None:
            return
        if canary.requests == 0:
            self._silent = self._silent or since
            self._silence = [self._silence[0] + 1, self._silence[1] + (stable.requests or 0)]
            return
        self._traffic = [
            self._traffic[0] + canary.requests,
            self._traffic[1] + self._silence[1] + (stable.requests or 0),
        ]
        self._silent, self._silence = None, [0, 0]

    def said(self) -> list[str]:
        """The doubts after the newest sample, worst first."""
        return [*self._silent_canary(), *self._nothing_provable(), *self._seldom(), *self._intervals()]

    def _silent_canary(self) -> list[str]:
        if self._silent is None or self._until is None:
            return []
        samples, beside = self._silence
        mine, other = self._traffic
        expected = beside * mine / other if other else 0.0
        never = not mine and samples >= _FEW and beside >= EXPECTED
        if not never and expected < EXPECTED:
            return []
        since = f"{self._silent.astimezone(UTC):%Y-%m-%d %H:%M} UTC ({show_duration(self._until - self._silent)})"
        before = "" if never else f", and at its share before about {show_number(round(expected))} were the canary's"
        said = f"the canary has had no request since {since}; the stable side had {beside}{before}"
        return [f"{said}: is it alive, and is traffic sent to it?"]

    def _nothing_provable(self) -> list[str]:
        if self._provable:
            return []
        return ["the rules have no limit for GO on a ratio, a latency or a gauge: nothing could be proven"]

    def _seldom(self) -> list[str]:
        said = []
        for (side, measure), missed in self._missed.items():
            if missed > (1 - COVERED) * self._lasted:
                why = self._why.get((side, measure))
                told = f"{show_duration(missed)} of {show_duration(self._lasted)}"
                said.append(f"{measure} of the {side} side was not seen in {told}{f': {why}' if why else ''}")
        return said

    def _intervals(self) -> list[str]:
        if self._other <= (1 - COVERED) * self._samples:
            return []
        lasts = f"{show_duration(self._every)} (the newest lasts {show_duration(self._length)})"
        said = f"{self._other} of {self._samples} samples do not last {lasts}"
        return [f"{said}: streaks and windows are of another time than the rules say"]
