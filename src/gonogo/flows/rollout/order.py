"""What a command line asks of a rollout into an order that its environment allows, before anything is sent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from gonogo.config.environment import load_environment
from gonogo.flows.rollout.platform import Platform
from gonogo.flows.rollout.platforms import platform_of
from gonogo.flows.standing import check_rehearsal
from gonogo.judges.plans.rollout import Verb, Wish
from gonogo.model.environment import Environment
from gonogo.model.errors import ConfigError, SafetyRefusal

TRAFFIC, ROLLBACK, METRICS_RESET = "traffic", "rollback", "metrics-reset"  # names in guards.actions
BEFORE = "before"
_PERCENT = re.compile(r"([0-9]{1,3}) ?%?\Z")
_LONGEST = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command line asks for. None: not given."""

    root: Path
    environment: str
    to: str | None = None
    yes: str | None = None
    within: timedelta | None = None  # as long as such a change usually takes
    scene: str | None = None
    faults: tuple[str, ...] = ()
    out: Path | None = None

    @property
    def reports(self) -> Path:
        """Folder that holds one folder a run."""
        return self.out or self.root / "reports" / "out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A change that may be planned, and made if `sends`. `refusals` are the guards that would stop it as it stands."""

    asked: Asked
    environment: Environment
    wish: Wish
    within: timedelta
    sends: bool
    platform: Platform[Any, Any]
    refusals: tuple[str, ...] = ()


def take_order(asked: Asked, verb: Verb) -> Order:
    """The order; SafetyRefusal (exit 7) or ConfigError (exit 4) with one line, before anything is sent."""
    environment = load_environment(asked.environment, asked.root / "environments", root=asked.root)
    action = TRAFFIC if verb is Verb.APPLY else ROLLBACK
    refusals = guard(environment, action, asked.yes)
    check_rehearsal(environment, asked.root, asked.scene, asked.faults)
    platform = platform_of(environment)
    platform.check(environment)
    within = platform.within if asked.within is None else asked.within
    if not timedelta(0) < within <= _LONGEST:
        raise ConfigError("--within is longer than 0 and at most 10m")
    return Order(
        asked=asked,
        environment=environment,
        wish=_wish(asked.to, verb, environment, platform),
        within=within,
        sends=asked.yes is not None,
        platform=platform,
        refusals=refusals,
    )


def guard(environment: Environment, action: str, yes: str | None) -> tuple[str, ...]:
    """Both guards of a change: the environment's name typed, and on a live one its leave for this action.

    SafetyRefusal once something was typed and a guard says no. While nothing was, what a guard would say, in words.
    """
    if yes is not None and yes != environment.name:
        raise SafetyRefusal(f"--yes is the name of the environment, {environment.name}, typed out; nothing was sent")
    if not environment.guards.live or action in environment.guards.actions:
        return ()
    allowed = ", ".join(environment.guards.actions) or "none"
    said = f"{environment.name} is live and does not allow the action {action!r} (guards.actions: {allowed})"
    if yes is not None:
        raise SafetyRefusal(f"{said}; nothing was sent", environment.origin)
    return (said,)


def _wish(to: str | None, verb: Verb, environment: Environment, platform: Platform[Any, Any]) -> Wish:
    rollout = environment.rollout
    if to is None:
        return Wish(verb=verb, percent=(rollout.stage or rollout.first) if verb is Verb.APPLY else None)
    found = _PERCENT.match(to)
    if found is not None:
        percent = int(found[1])
        none = percent == 0 and verb is Verb.ROLLBACK and platform.none_is_a_stage
        if percent not in rollout.stages and not none:
            stages = ", ".join(map(str, rollout.stages))
            all_back = "; without --to everything goes back" if verb is Verb.ROLLBACK else ""
            raise ConfigError(f"--to {percent} is no stage of {environment.name} (rollout.stages: {stages}){all_back}")
        return Wish(verb=verb, percent=percent)
    if to == BEFORE and verb is Verb.ROLLBACK:
        return Wish(verb=verb, before=True)
    if not platform.knows(to):
        raise ConfigError(f"--to is a percentage or {platform.takes}, not {to!r}")
    return Wish(verb=verb, revision=to)
