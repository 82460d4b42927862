"""Whether a bucket that is used up refills as fast as declared: requests at twice its pace for a while."""

from __future__ import annotations

from gonogo.judges.rate.stage import ENOUGH, Move, Stage
from gonogo.judges.rate.steps import accepted

_FASTER = 2.0  # times the declared pace
_MOST, _LEAST = 14, 8  # requests; the slower the bucket, the fewer
_LONG_S = 10.0


def pace(stage: Stage) -> Move[None]:
    """After a burst that emptied it. A size alone says nothing of the refill, whose breach needs time to add up."""
    policy = stage.policy
    if not policy.algorithm.bucket or stage.last is None or not stage.rejected(stage.last):
        return
    step = policy.window.total_seconds() / policy.limit
    n = _MOST if _MOST * step / _FASTER <= _LONG_S else _LEAST
    if stage.left < n + 1 + policy.at_once + 2 * ENOUGH or stage.ended + (n + 1) * step / _FASTER > stage.patience:
        return
    if not (yield from stage.until(stage.ended + step / _FASTER)):
        return
    yield from stage.ask(n, "P1 P2", spacing=step / _FASTER)
    for _ in range(2):
        if not accepted(stage.last):
            break
        yield from stage.ask(1, "P1 P2")
