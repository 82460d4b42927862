"""What a watch has around it: the environment brought up, its secrets, where samples come from, where alerts go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gonogo.config.addresses import resolve_addresses
from gonogo.config.faults import check_faults
from gonogo.config.raw import overlaid
from gonogo.config.secrets import Secrets
from gonogo.flows.book import fault_table
from gonogo.flows.started import Started, Starter
from gonogo.flows.watch.cloud import CloudSampler
from gonogo.flows.watch.parts import Report, Rollback
from gonogo.flows.watch.sampler import Sampler
from gonogo.flows.watch.tail import FileSampler
from gonogo.model.environment import Environment, Release
from gonogo.model.errors import ConfigError
from gonogo.model.rulebook import Rulebook, SourceKind
from gonogo.model.secret import NO_SECRETS, Redactor
from gonogo.probes.base import Vantage


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """`sampler` makes the one for a watch that began at a moment."""

    redactor: Redactor
    sampler: Callable[[datetime], Sampler]
    vantage: Vantage | None = None
    rollback: Rollback | None = None
    report: Report | None = None


def surround(
    environment: Environment,
    rulebook: Rulebook,
    release: Release | None,
    root: Path,
    stack: ExitStack,
    *,
    scene: str | None = None,
    faults: Sequence[str] = (),
) -> Surroundings:
    """Bring up what is needed; `stack` takes it down again. A rehearsed environment is held as long as the watch
    lasts, and not begun for a file of samples, which needs nothing but itself.
    """
    source = rulebook.source
    from_file = source.kind is SourceKind.FILE
    path = Path(str(source.path))

    def file(_: datetime) -> Sampler:
        return FileSampler(path if path.is_absolute() else root / path, str(source.path))

    ready = None
    if environment.start is not None:
        if from_file:
            return Surroundings(redactor=NO_SECRETS, sampler=file)
        ready = _bring_up(environment, root, stack, scene, faults)
        environment = resolve_addresses(overlaid(environment, ready.declares), ready.addresses)
    secrets = Secrets(environment, {} if ready is None else ready.secrets)
    redactor = Redactor(secrets.values())
    vantage = Vantage(
        environment=environment,
        release=release,
        now=datetime.now(UTC),
        t0=None,
        reveal=secrets.reveal,
        base=str(root / "environments"),
    )
    stack.callback(vantage.close)
    return Surroundings(
        redactor=redactor,
        sampler=file if from_file else lambda began: CloudSampler(vantage, rulebook, began),
        vantage=vantage,
    )


def _bring_up(
    environment: Environment, root: Path, stack: ExitStack, scene: str | None, faults: Sequence[str]
) -> Started:
    assert environment.start is not None  # noqa: S101 - asked before
    scenes = environment.start.scenes
    if scene is not None and scene not in scenes.values():
        raise ConfigError(
            f"{environment.name} has no scene {scene!r} (there is {', '.join(dict.fromkeys(scenes.values()))})"
        )
    check_faults(faults, fault_table(environment, root))
    starter = Starter(environment, root)
    stack.callback(starter.end)
    return starter.up(scenes.get("watch", scenes.get("canary", "")) if scene is None else scene, faults)
