"""What the faults of a world make each service do, and what they would have been seen to do until now.

Whoever adds a fault of the services adds it here: to `of`, and to `changed` or `changed_gauges` where the metrics of
the past tell of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from factory import incidents, trouble
from factory.past import Flow
from factory.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """How a service behaves in a world: without faults, nothing of this."""

    answers_with: int = 0  # this status, to every request, /health too
    slower_by_s: float = 0.0  # each request
    llm_fails: bool = False  # calls of the LLM end with an error
    llm_slower_by_s: float = 0.0
    llm_unreadable: bool = False  # its answers cannot be parsed
    loses_cache: bool = False  # nothing that is put into the cache is found there
    tools_time_out: bool = False
    stops_at_step: int = 0  # workflows fail at this step (from 1)
    breaks: bool = False  # every request but /health ends with 500


NORMAL = Behaviour()


def of(world: World, side: str, service: str) -> Behaviour:
    """The behaviour of one service: `side` stable or staging."""
    if world.fault(f"{service}-down") and (side != "staging" or world.scene == "staging"):
        return Behaviour(answers_with=503)
    if side == "staging":
        return NORMAL
    if service == "judgment" and world.fault("cache-loses"):
        return Behaviour(loses_cache=True)
    if service == "judgment":
        return Behaviour(
            answers_with=503 if any(world.fault(name) for name in incidents.DOWN) else 0,
            breaks=world.fault("incident-bad-code"),
            llm_fails=world.fault("incident-llm-down"),
            llm_slower_by_s=incidents.LLM_SLOW_S if world.fault("incident-llm-slow") else 0.0,
        )
    return NORMAL


def changed(flows: list[Flow], world: World) -> list[Flow]:
    """The counted past as this world's faults would have made it: flows left out, replaced or added."""
    return incidents.changed(trouble.changed(flows, world), world)


def changed_gauges(
    gauges: list[tuple[str, dict[str, str], float]],
    world: World,
) -> list[tuple[str, dict[str, str], float]]:
    """The same of states: (name, labels, value)."""
    return incidents.changed_gauges(trouble.changed_gauges(gauges, world), world)
