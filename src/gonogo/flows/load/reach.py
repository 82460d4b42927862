"""Profiles and declared limits into the profiles that would show those limits at work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gonogo.judges.rate.bounds import breaches
from gonogo.judges.rate.windows import Span
from gonogo.load.schedule import NS, Share, schedule
from gonogo.model.load import Profile, Workload
from gonogo.model.ratelimit import Algorithm, Policy

_ANSWER = 0.05  # seconds that an answer is taken to need; a closed profile sends no faster
_MOST = 1000  # arrivals that are laid out; a limit that they do not reach, a run would not show soon


def reaching(profiles: Mapping[str, Profile], allowed: Iterable[str], policies: Iterable[Policy]) -> list[Profile]:
    """Allowed profiles that must be rejected by limiters of all these policies, the fewest requests first.

    The test is the one that the recorded run is put to: were every request admitted, that would be a breach.
    """
    limits = [policy for policy in policies if policy.algorithm is not Algorithm.NONE]
    fitting = [
        profiles[name]
        for name in allowed
        if name in profiles
        and profiles[name].steps is None
        and all(_would_breach(policy, _spans(profiles[name])) for policy in limits)
    ]
    return sorted(fitting, key=lambda profile: profile.requests or _MOST)


def takes(profile: Profile) -> float:
    """Seconds that a side is sent to, when answers come as quickly as on this machine."""
    spans = _spans(profile, answer=0.002)
    return spans[-1].high if spans else 0.0


def rest(policies: Iterable[Policy]) -> float:
    """Seconds after which limiters of these policies have forgotten what was counted before."""
    return max((_rest(policy) for policy in policies if policy.algorithm is not Algorithm.NONE), default=0.0)


def _rest(policy: Policy) -> float:
    width = policy.window.total_seconds()
    if policy.algorithm.bucket:
        return policy.at_once * width / policy.limit
    return width * (2 if policy.algorithm is Algorithm.SLIDING_COUNTER else 1)


def _would_breach(policy: Policy, spans: list[Span]) -> bool:
    return breaches(policy, spans).over is not None


def _spans(profile: Profile, answer: float = _ANSWER) -> list[Span]:
    if profile.workload is Workload.OPEN:
        plan = schedule(profile, Share())
        begins = [plan.due(number) / NS for number in range(min(plan.count, _MOST))]
    else:
        turn = profile.delay.total_seconds() + answer
        seconds = None if profile.duration is None else profile.duration.total_seconds()
        by_time = None if seconds is None else (int(seconds / turn) + 1) * profile.connections
        count = min(one for one in (profile.requests, by_time, _MOST) if one is not None)
        begins = [(number // profile.connections) * turn for number in range(count)]
    return [Span(low=begin, high=begin + answer, admitted=True) for begin in begins]
