"""A profile, an environment and its guards into orders for a load run: what may be sent, and where to."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from gonogo.config.addresses import resolve_addresses
from gonogo.config.environment import environment_names, load_environment
from gonogo.config.faults import check_faults, load_faults
from gonogo.config.profiles import check_profile, load_profiles, pick_profile
from gonogo.config.raw import overlaid
from gonogo.config.release import load_release
from gonogo.config.secrets import Secrets
from gonogo.flows.clock import SystemClock
from gonogo.flows.load.guards import (
    PROBE,
    SIDES,
    check_objectives,
    check_path,
    guard_host,
    guard_profile,
    guard_reports,
)
from gonogo.flows.started import Started, Starter
from gonogo.judges.loads.run import PROPERTIES
from gonogo.judges.loads.slos import Standard
from gonogo.load.request import locate
from gonogo.model.environment import Environment, Release
from gonogo.model.errors import ConfigError, SafetyRefusal
from gonogo.model.load import REJECTS_WITH, Profile, Target, Workload
from gonogo.model.secret import Redactor
from gonogo.model.units import parse_duration
from gonogo.probes.base import Vantage
from gonogo.probes.http.authorization import authorization

DEFAULT_ENVIRONMENT = "local"
SCENE = "canary"  # the phase whose scene a started environment plays
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command line asks for. None: not given."""

    root: Path
    environment: str | None = None
    profile: str | None = None
    host: str | None = None
    faults: tuple[str, ...] = ()
    method: str = "GET"
    canary_path: str = "/api/v2/health"
    legacy_path: str = "/health"
    requests: int | None = None
    delay: str | None = None
    body: str | None = None
    release: Path | None = None
    out: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A load run that its environment allows. Nothing has been sent."""

    run_id: str
    environment: Environment
    profile: Profile
    paths: Mapping[str, str]  # side -> path
    method: str
    body: bytes | None
    faults: tuple[str, ...]
    root: Path
    reports: Path
    release: Release | None = None

    @property
    def standards(self) -> dict[str, Standard]:
        """What each side is held against."""
        policies = {policy.path: policy for policy in self.environment.policies}
        return {
            side: Standard(
                path=path,
                names=SIDES[side],
                objectives=self.environment.objectives,
                policy=policies.get(path.partition("?")[0]),
            )
            for side, path in self.paths.items()
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Aimed:
    """An order whose environment is up: where to send, and what must not be printed."""

    order: Order
    targets: tuple[Target, ...]
    redactor: Redactor = field(repr=False)


def take_order(asked: Asked) -> Order:
    """The order; SafetyRefusal (exit 7) or ConfigError (exit 4) with one line, before anything is sent."""
    environment = _environment(asked)
    profiles = load_profiles(asked.root / "loadtests" / "profiles.yaml", PROPERTIES, root=asked.root)
    profile = _profile(asked, profiles)
    paths = {"canary": asked.canary_path, "legacy": asked.legacy_path}
    for side, path in paths.items():
        check_path(side, path, environment)
    guard_host(asked.host, environment)
    guard_profile(profile, environment, profiles)
    if asked.method not in METHODS:
        raise ConfigError(f"--method cannot be {asked.method!r} (allowed: {', '.join(METHODS)})")
    paths = {side: path for side, path in paths.items() if SIDES[side] in environment.sides}
    if not paths:
        raise ConfigError(f"{environment.name} has neither a side canary nor a side stable", environment.origin)
    check_objectives(profile, environment, paths)
    if asked.faults:
        if environment.start is None or environment.start.faults is None:
            raise ConfigError(f"{environment.name} has no faults to rehearse; --fault is for rehearsed environments")
        check_faults(asked.faults, load_faults(asked.root / "environments" / environment.start.faults))
    return Order(
        run_id=uuid.uuid4().hex,
        environment=environment,
        profile=profile,
        paths=paths,
        method=asked.method,
        body=_body(asked),
        faults=asked.faults,
        root=asked.root,
        reports=asked.out or asked.root / "reports" / "out",
        release=_release(asked, environment),
    )


def bring_up(order: Order, stack: ExitStack, ready: Started | None = None) -> Aimed:
    """Start the environment if it is a rehearsed one (it ends with `stack`), look its hosts up, and reveal what the
    sides ask for. NotReadyError and NoAddressError (exit 6), SafetyRefusal (exit 7): nothing was sent.

    With `ready` it is up already, and stays.
    """
    guard_reports(order.reports)
    environment, extra = order.environment, {}
    if environment.start is not None:
        if ready is None:
            starter = Starter(environment, order.root)
            stack.callback(starter.end)
            ready = starter.up(environment.start.scenes.get(SCENE, ""), order.faults)
        environment = resolve_addresses(overlaid(environment, ready.declares), ready.addresses)
        extra = dict(ready.secrets)
        order = replace(order, environment=environment)
    secrets = Secrets(environment, extra)
    wanted = [environment.sides[SIDES[side]].auth for side in order.paths]
    values = [secrets.reveal(auth.secret) for auth in wanted if auth.secret is not None]
    vantage = Vantage(
        environment=environment,
        release=None,
        now=SystemClock().now(),
        t0=None,
        reveal=secrets.reveal,
        base=str(order.root / "environments"),
    )
    stack.callback(vantage.close)
    targets = tuple(_target(order, side, path, vantage) for side, path in order.paths.items())
    for target in targets:
        locate(target)  # a host without an address, or a missing CA, is told now and not by each worker
    headers = [value.removeprefix("Bearer ") for target in targets for _, value in target.headers]
    hidden = [*values, *(value for value in headers if value != "application/json")]
    return Aimed(order=order, targets=targets, redactor=Redactor(dict.fromkeys(hidden)))


def _environment(asked: Asked) -> Environment:
    folder = asked.root / "environments"
    name = asked.environment
    if name is None:
        name = DEFAULT_ENVIRONMENT
        if name not in environment_names(folder):
            raise SafetyRefusal("no environment: name one with --env; nothing is sent to a host that no file names")
    return load_environment(name, folder, root=asked.root)


def _release(asked: Asked, environment: Environment) -> Release | None:
    file = asked.release or (environment.release and asked.root / "environments" / environment.release)
    return load_release(Path(file)) if file else None


def _profile(asked: Asked, profiles: dict[str, Profile]) -> Profile:
    if asked.profile is None:
        profile = Profile(
            name=PROBE,
            use="the runbook's probe",
            workload=Workload.CLOSED,
            requests=3,
            delay=timedelta(seconds=1),
            proves=("P2", "P22"),
        )
    else:
        profile = pick_profile(profiles, asked.profile)
    if asked.requests is not None:
        if asked.requests < 1:
            raise ConfigError(f"--requests is a number from 1 up, not {asked.requests}")
        profile = replace(profile, requests=asked.requests)
    if asked.delay is not None:
        try:
            profile = replace(profile, delay=parse_duration(asked.delay))
        except ValueError as error:
            raise ConfigError(f"--delay: {error}") from None
    check_profile(profile, PROPERTIES)
    return profile


def _body(asked: Asked) -> bytes | None:
    if asked.body is None:
        return None
    try:
        json.loads(asked.body)
    except ValueError as error:
        raise ConfigError(f"--body is not JSON: {error}") from None
    if asked.method in {"GET", "HEAD"}:
        raise ConfigError(f"--body has no meaning with {asked.method}; add --method POST")
    return asked.body.encode("utf-8")


def _target(order: Order, side: str, path: str, vantage: Vantage) -> Target:
    place = order.environment.sides[SIDES[side]]
    parts, policy = urlsplit(place.url), order.standards[side].policy
    headers = tuple(authorization(vantage, place.auth, place.url).items())
    if order.body is not None:
        headers += (("Content-Type", "application/json"),)
    return Target(
        side=side,
        url=f"{parts.scheme}://{parts.netloc}",
        method=order.method,
        path=parts.path.rstrip("/") + path,
        body=order.body,
        headers=headers,
        ca=None if place.ca is None else str(order.root / "environments" / place.ca),
        auth=place.auth,
        reject_status=REJECTS_WITH if policy is None else policy.reject_status,
    )
