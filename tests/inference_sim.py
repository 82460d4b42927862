"""The plan of the inference played against simulated limiters: 50 ms there and back, each way 20 ms more or less."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from tests.ratelimit_sim import Limiter, declare

from gonogo.judges.rate.inference import infer
from gonogo.judges.rate.plan import AT_MOST, Done, Send, Wait, next_step
from gonogo.model.load import Event, OutcomeClass
from gonogo.model.ratelimit import Algorithm, Inferred, Policy

ONE_WAY, SHAKE, APART = 0.025, 0.02, 0.002  # seconds
FAMILIES: tuple[tuple[Algorithm, bool | None], ...] = (
    (Algorithm.FIXED_WINDOW, True),
    (Algorithm.FIXED_WINDOW, False),
    (Algorithm.SLIDING_LOG, None),
    (Algorithm.SLIDING_COUNTER, None),
    (Algorithm.TOKEN_BUCKET, None),
)


def event(sent: float, status: int, received: float | None = None, headers: tuple[tuple[str, str], ...] = ()) -> Event:
    """One request; without `received` it took 50 ms."""
    return Event(
        side="it",
        endpoint="GET /",
        intended=sent,
        sent=sent,
        received=sent + 2 * ONE_WAY if received is None else received,
        status=status,
        outcome=OutcomeClass.ACCEPTED if 0 < status < 400 else OutcomeClass.LIMITED,
        headers=headers,
    )


def play(admits: Callable[[float], bool], draw: Random, at_most: int = AT_MOST, *, status: int = 429) -> list[Event]:
    """The timeline of the plan, done to its end."""
    now, timeline = 0.0, list[Event]()
    while True:
        step = next_step(timeline, now, at_most=at_most, patience=3600)
        match step:
            case Done():
                return timeline
            case Wait(seconds=seconds):
                now += seconds
            case Send(n=n, spacing=spacing):
                sent = [now + number * max(spacing, APART) for number in range(n)]
                arrives = [moment + ONE_WAY + draw.uniform(-SHAKE, SHAKE) for moment in sent]
                order = sorted(range(n), key=arrives.__getitem__)
                answers = {number: admits(arrives[number]) for number in order}
                for number, moment in enumerate(sent):
                    received = arrives[number] + ONE_WAY + draw.uniform(-SHAKE, SHAKE)
                    timeline.append(event(moment, 200 if answers[number] else status, received))
                now = max(one.received for one in timeline)


def drawn(seed: int) -> tuple[Policy, Inferred | None, list[Event]]:
    """A limiter of the next family, limit 5 to 100, window 1 to 60 s, and what is told of it."""
    draw = Random(seed)  # noqa: S311 - a simulation
    algorithm, aligned = FAMILIES[seed % len(FAMILIES)]
    policy = declare(algorithm, draw.randint(5, 100), draw.uniform(1, 60), aligned=aligned)
    limiter = Limiter(policy, draw.uniform(0, policy.window.total_seconds()))
    timeline = play(lambda at: limiter.hit(at).admitted, draw)
    return policy, infer(timeline), timeline
