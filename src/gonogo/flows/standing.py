"""An environment into a vantage point on it, for one command: brought up if it is a rehearsed one, and down again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from gonogo.config.addresses import resolve_addresses
from gonogo.config.complain import nearest
from gonogo.config.faults import check_faults
from gonogo.config.raw import overlaid
from gonogo.config.secrets import Secrets, wanted_secrets
from gonogo.flows.book import fault_table
from gonogo.flows.clock import SystemClock
from gonogo.flows.recorded import Recorded
from gonogo.flows.started import Starter
from gonogo.model.environment import Environment, Release
from gonogo.model.errors import ConfigError
from gonogo.model.secret import Redactor
from gonogo.probes.base import Vantage

SCENE = "canary"  # the phase whose scene a started environment plays, where none is asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a command stands: from where it looks, and what must not be printed."""

    vantage: Vantage
    redactor: Redactor


def check_rehearsal(environment: Environment, root: Path, scene: str | None, faults: Sequence[str]) -> None:
    """ConfigError for a scene or a fault that the environment does not have."""
    start = environment.start
    if start is None:
        if scene is not None or faults:
            what = "--scene" if scene is not None else "--fault"
            raise ConfigError(f"{environment.name} is not rehearsed; {what} is for rehearsed environments")
        return
    scenes = tuple(dict.fromkeys(start.scenes.values()))
    if scene is not None and scene not in scenes:
        raise ConfigError(
            f"{environment.name} has no scene {scene!r}{nearest(scene, scenes)} (there is {', '.join(scenes)})"
        )
    if faults:
        check_faults(faults, fault_table(environment, root))


@contextmanager
def standing(
    environment: Environment,
    root: Path,
    *,
    scene: str | None = None,
    faults: Sequence[str] = (),
    release: Release | None = None,
) -> Iterator[Standing]:
    """The environment up, for the length of a `with` block. A secret that is not set is missed when it is needed."""
    with ExitStack() as stack:
        extra = {}
        if environment.start is not None:
            starter = Starter(environment, root)
            stack.callback(starter.end)
            ready = starter.up(environment.start.scenes.get(SCENE, "") if scene is None else scene, faults)
            environment = resolve_addresses(overlaid(environment, ready.declares), ready.addresses)
            extra = dict(ready.secrets)
        secrets = Secrets(environment, extra)
        vantage = Vantage(
            environment=environment,
            release=release,
            now=SystemClock().now(),
            t0=None,
            reveal=secrets.reveal,
            base=str(root / "environments"),
            records=Recorded(environment=environment, root=root),
        )
        stack.callback(vantage.close)
        yield Standing(vantage=vantage, redactor=Redactor(_known(secrets, environment)))


def _known(secrets: Secrets, environment: Environment) -> Iterator[str]:
    for name in wanted_secrets(environment):
        try:
            yield secrets.reveal(name)
        except ConfigError:
            continue
