"""What a watch has around it: the environment brought up, its secrets, where samples come from, where alerts go."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gonogo.config.addresses import resolve_addresses
from gonogo.config.raw import overlaid
from gonogo.config.secrets import Secrets, wanted_secrets
from gonogo.flows.rollout.roll import roll_back
from gonogo.flows.standing import Standing
from gonogo.flows.started import Starter
from gonogo.flows.watch.cloud import CloudSampler
from gonogo.flows.watch.gentle import GentleLook
from gonogo.flows.watch.parts import Report, Rollback, RolledBack
from gonogo.flows.watch.prometheus import PrometheusSampler, slow_scrapes
from gonogo.flows.watch.sampler import Sampler
from gonogo.flows.watch.tail import FileSampler
from gonogo.model.environment import Environment, Release
from gonogo.model.errors import ConfigError
from gonogo.model.rulebook import Rulebook, SourceKind
from gonogo.model.secret import NO_SECRETS, Redactor
from gonogo.model.watch import CanaryVerdict
from gonogo.probes.base import Vantage
from gonogo.probes.failure import Failure
from gonogo.probes.google.client import principal


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """`sampler` makes the one for a watch that began at a moment."""

    redactor: Redactor
    sampler: Callable[[datetime], Sampler]
    vantage: Vantage | None = None
    rollback: Rollback | None = None
    report: Report | None = None
    notes: tuple[str, ...] = ()  # what to know from the start


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a watch needs around it. `changes`: it may roll back."""

    environment: Environment
    rulebook: Rulebook
    release: Release | None
    root: Path
    reports: Path
    changes: bool = False
    scene: str | None = None
    faults: tuple[str, ...] = ()


def surround(wanted: Wanted, stack: ExitStack) -> Surroundings:
    """Bring up what is needed; `stack` takes it down again. A rehearsed environment is held as long as the watch
    lasts, and not begun for a file of samples alone, which needs nothing but itself.
    """
    environment, source, root = wanted.environment, wanted.rulebook.source, wanted.root
    from_file = source.kind is SourceKind.FILE
    path = root / str(source.path)

    def file(_: datetime) -> Sampler:
        return FileSampler(path, str(source.path))

    ready = None
    if environment.start is not None:
        if from_file and not wanted.changes:
            return Surroundings(redactor=NO_SECRETS, sampler=file)
        starter = Starter(environment, root)
        stack.callback(starter.end)
        scenes = environment.start.scenes
        usual = scenes.get("watch", scenes.get("canary", ""))
        ready = starter.up(usual if wanted.scene is None else wanted.scene, wanted.faults)
        environment = resolve_addresses(overlaid(environment, ready.declares), ready.addresses)
    secrets = Secrets(environment, {} if ready is None else ready.secrets)
    redactor = Redactor(_known(secrets, environment))
    if wanted.rulebook.alerts and "slack" in environment.back_ends:
        token = environment.back_ends["slack"].auth.secret
        if token is not None:
            secrets.reveal(token)  # a watch whose alerts cannot be posted is not begun
    if source.kind is SourceKind.PROMETHEUS and "prometheus" in environment.back_ends:
        token = environment.back_ends["prometheus"].auth.secret
        if token is not None:
            secrets.reveal(token)  # nor one that could see nothing

    def vantage() -> Vantage:
        made = Vantage(
            environment=environment,
            release=wanted.release,
            now=datetime.now(UTC),
            t0=None,
            reveal=secrets.reveal,
            base=str(root / "environments"),
        )
        stack.callback(made.close)
        return made

    def rollback(_verdict: CanaryVerdict, /) -> RolledBack:
        did = roll_back(Standing(vantage=vantage(), redactor=redactor), root=root, reports=wanted.reports)
        return RolledBack(done=did.done, text=did.text, did=did.did)

    looking = vantage()
    kind = source.kind
    asked = ("cloud_monitoring",) if kind is SourceKind.CLOUD_MONITORING else ()
    _check_login(looking, [*asked, *(("cloud_run",) if wanted.changes else ())])

    def sampler(began: datetime) -> Sampler:
        if from_file:
            return file(began)
        return (PrometheusSampler if kind is SourceKind.PROMETHEUS else CloudSampler)(looking, wanted.rulebook, began)

    slow = slow_scrapes(looking, wanted.rulebook) if kind is SourceKind.PROMETHEUS else None
    return Surroundings(
        redactor=redactor,
        sampler=sampler,
        notes=() if slow is None else (slow,),
        vantage=looking,
        rollback=rollback if wanted.changes else None,
        report=GentleLook(
            environment=environment,
            release=wanted.release,
            root=root,
            reports=wanted.reports,
            redactor=redactor,
            ready=ready,
        ),
    )


def _check_login(vantage: Vantage, names: Sequence[str]) -> None:
    """A day of HOLD is not begun for want of a login: ConfigError where Google's back ends would be asked without."""
    back_ends = vantage.environment.back_ends
    if any(name in back_ends and not back_ends[name].plaintext for name in names):
        try:
            principal(vantage)
        except Failure as failure:
            raise ConfigError(f"{failure.detail}; nothing was begun") from None


def _known(secrets: Secrets, environment: Environment) -> Iterator[str]:
    """Those that are set: what a watch does not look at it needs no secret for."""
    for name in wanted_secrets(environment):
        with suppress(ConfigError):
            yield secrets.reveal(name)
