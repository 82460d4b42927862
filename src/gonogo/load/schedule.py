"""A profile into the moments at which its requests are due, and into the shares of its workers."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, replace

from gonogo.model.errors import ConfigError
from gonogo.model.load import Profile, Workload

NS = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Which part of a profile one worker sends: every `of`-th arrival from `index` on."""

    index: int = 0
    of: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Arrivals of an open workload, in ns since its start. With a ramp the rate grows evenly from 0."""

    rate: float
    ramp: float  # s
    count: int
    share: Share = Share()

    def due(self, number: int) -> int:
        """When this worker's arrival of that number is meant to be sent."""
        return self._at(number * self.share.of + self.share.index)

    def dues(self) -> Iterator[int]:
        """When each of this worker's arrivals is meant to be sent, in order."""
        arrivals = range(self.share.index, self.count, self.share.of)
        steady = bisect_left(arrivals, self._in_ramp)
        yield from map(self._at, arrivals[:steady])
        rate, ramp, in_ramp = self.rate, self.ramp, self._in_ramp
        for arrival in arrivals[steady:]:  # the same as _at, for rates at which a call counts
            yield int((ramp + (arrival - in_ramp) / rate) * NS)

    @property
    def _in_ramp(self) -> float:
        return self.rate * self.ramp / 2

    def _at(self, arrival: int) -> int:
        if arrival < self._in_ramp:
            return int(math.sqrt(2 * self.ramp * arrival / self.rate) * NS)
        return int((self.ramp + (arrival - self._in_ramp) / self.rate) * NS)

    @property
    def mine(self) -> int:
        """How many of the arrivals are this worker's."""
        return part(self.count, self.share)

    @property
    def span(self) -> int:
        """Ns from the first arrival until one after the last would be due."""
        return replace(self, share=Share()).due(self.count)


def schedule(profile: Profile, share: Share) -> Schedule:
    """The arrivals of an open profile: `requests`, or as many as its duration holds, whichever is less."""
    if profile.rate is None or not (math.isfinite(profile.rate) and profile.rate > 0):
        raise ConfigError(f"profile {profile.name!r} is open: it needs a rate above 0", profile.origin)
    ramp = profile.ramp.total_seconds()
    counts = [profile.requests] if profile.requests is not None else []
    if profile.duration is not None:
        seconds = profile.duration.total_seconds()
        steady = profile.rate * max(0.0, seconds - ramp)
        rising = profile.rate * min(seconds, ramp) ** 2 / 2 / ramp if ramp else 0.0
        counts.append(math.ceil(steady + rising - 1e-9))
    if not counts:
        raise _endless(profile)
    return Schedule(rate=profile.rate, ramp=ramp, count=min(counts), share=share)


def users(profile: Profile, share: Share) -> tuple[int, int | None]:
    """The users of one worker and its cap on requests; a worker without users gets no requests."""
    if profile.workload is Workload.CLOSED and profile.requests is None and profile.duration is None:
        raise _endless(profile)
    mine = part(profile.connections, share)
    if profile.requests is None:
        return mine, None
    senders = min(share.of, profile.connections)
    return mine, part(profile.requests, Share(index=share.index, of=senders)) if share.index < senders else 0


def _endless(profile: Profile) -> ConfigError:
    message = f"profile {profile.name!r} has neither requests nor duration: it would not end"
    return ConfigError(message, profile.origin)


def part(whole: int, share: Share) -> int:
    """An even part of a whole number; the parts of all workers add up to it exactly."""
    return whole // share.of + (share.index < whole % share.of)
