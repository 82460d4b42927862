"""The newest recorded watch of this environment and release, judged again from its samples."""

from __future__ import annotations

from dataclasses import dataclass

from gonogo.model.evidence import Cause, Seen
from gonogo.probes.base import Probe, Sight, Vantage
from gonogo.probes.failure import Failure
from gonogo.probes.http.observer import observe


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchSamples:
    """Samples of `gonogo watch`. There are no options: the newest watch of the environment is the one that counts."""


def look(_: WatchSamples, vantage: Vantage) -> Sight:
    """{watch, why, started, until, samples, every_s, for_s, lag_s, covered_s, notes, other_rules, ended, final,
    verdict}. `watch` is null where none is of this environment and release, or the environment is rehearsed for this
    run. `final` is {decision, reasons, early} of a watch that has ended; `verdict` what its samples come to: {seq, at,
    decision, reasons, both_sides, decidable_at, rules, evidence, certificate, gaps}, null without a sample. A watch
    that does not read, or was changed, is a broken answer.
    """
    return observe(f"watch of {vantage.environment.name}", lambda: _look(vantage))


def _look(vantage: Vantage) -> Seen:
    if vantage.watches is None:
        raise Failure(Cause.UNAVAILABLE, "recorded watches cannot be read from here")
    return Seen(data=vantage.watches.newest())


PROBE = Probe(options=WatchSamples, look=look)
