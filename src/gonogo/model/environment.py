"""WHERE: an environment, its sides, back ends, objectives, guards and the people behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from gonogo.model.errors import Origin
from gonogo.model.ratelimit import Policy
from gonogo.model.rulebook import Rulebook
from gonogo.model.units import Unit


class AuthKind(StrEnum):
    """How a caller proves who it is."""

    NONE = "none"
    BEARER = "bearer"
    API_KEY = "api_key"
    GOOGLE_ID_TOKEN = "google_id_token"  # noqa: S105 - the name of a method, not a secret
    GOOGLE = "google"  # application default credentials: access token, for Google's own APIs
    AWS = "aws"  # signatures: `secret` with names.access_key_id; without a secret, the machine's own role or keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    """Authentication of one address. `secret` is the NAME of an environment variable."""

    kind: AuthKind = AuthKind.NONE
    secret: str | None = None
    header: str = "X-API-Key"
    audience: str | None = None
    origin: Origin = field(default=Origin(file="?"), compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One service that answers HTTP: stable, canary, staging, or a dependency such as a gateway."""

    url: str
    service: str | None = None  # its Cloud Run name
    health: str = "/health"
    auth: Auth = field(default_factory=Auth)
    ca: str | None = None  # a CA bundle, relative to the environment file


@dataclass(frozen=True, slots=True, kw_only=True)
class BackEnd:
    """A place that knows about the system: Cloud Run, Logging, Slack, a forge, a database.

    `address` is a URL, host:port or file path; empty means the client's own default address.
    `plaintext` allows an unencrypted channel and is accepted for loopback addresses only.
    `names` says what to look at there (project, region, channel, repository ...).
    """

    address: str = ""
    plaintext: bool = False
    auth: Auth = field(default_factory=Auth)
    ca: str | None = None
    timeout: timedelta = timedelta(seconds=10)
    max_age: timedelta = timedelta(minutes=5)
    names: Mapping[str, str] = field(default_factory=dict)
    origin: Origin = field(default=Origin(file="?"), compare=False)


class Comparator(StrEnum):
    """How an observation is held against a limit; the good direction is in the name."""

    BELOW = "below"
    AT_MOST = "at_most"
    ABOVE = "above"
    AT_LEAST = "at_least"

    @property
    def symbol(self) -> str:
        """The sign between an observation and its limit, as the rule wants it."""
        return {"below": "<", "at_most": "<=", "above": ">", "at_least": ">="}[self.value]

    def holds(self, value: float, limit: float) -> bool:
        """True only if `value` is on the good side; NaN never is."""
        match self:
            case Comparator.BELOW:
                return value < limit
            case Comparator.AT_MOST:
                return value <= limit
            case Comparator.ABOVE:
                return value > limit
            case Comparator.AT_LEAST:
                return value >= limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """An SLO without its SLI: comparator, limit, unit, minimum samples. Exactly one comparator is given."""

    unit: Unit
    below: float | None = None
    at_most: float | None = None
    above: float | None = None
    at_least: float | None = None
    min_samples: int = 1
    origin: Origin = Origin(file="?")

    @property
    def comparator(self) -> Comparator:
        """The one comparator that is given; ValueError if none is."""
        for comparator in Comparator:
            if getattr(self, comparator.value) is not None:
                return comparator
        raise ValueError("an objective without a comparator")

    @property
    def limit(self) -> float:
        """The number beside the comparator, in `unit`."""
        return float(getattr(self, self.comparator.value))


@dataclass(frozen=True, slots=True, kw_only=True)
class Guards:
    """What may be done here. `hosts` are allowed beside those of sides and back ends."""

    live: bool = True  # a live system: https only, never the default
    hosts: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()  # named changes that --allow-action or gonogo rollout may ask for
    max_requests: int = 200  # a checklist run never sends more


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Who answers at 3 a.m."""

    name: str
    reach: str
    hours: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Contacts:
    """Emergency contacts of an environment and the owner of the watch after a deploy."""

    first: Contact | None = None
    second: Contact | None = None
    slack: str | None = None
    pagerduty: str | None = None
    watch_owner: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """Planned traffic: stages in percent of canary traffic, the present one, and what rolls it back."""

    stages: tuple[int, ...] = (5, 10, 25, 50, 100)
    stage: int = 0  # the percentage that the canary ought to have now
    first: int = 5  # the percentage of the first canary step
    rollback: Mapping[str, Objective] = field(default_factory=dict)  # same names as objectives


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """The command that brings a runnable environment up, and what it can rehearse.

    The command prints one JSON line {"addresses": {...}, "secrets": {...}} when ready; `address:NAME`
    in the environment file is then replaced. It ends when its standard input closes.
    """

    command: tuple[str, ...]
    faults: str | None = None  # YAML: fault name -> {what, phases, turns}
    ready_within: timedelta = timedelta(seconds=20)
    scenes: Mapping[str, str] = field(default_factory=dict)  # phase (or `watch`) -> scene


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """One target of a gate. Names of sides and back ends are free; checks refer to them."""

    name: str
    system: str
    describe: str
    sides: Mapping[str, Side] = field(default_factory=dict)
    back_ends: Mapping[str, BackEnd] = field(default_factory=dict)
    objectives: Mapping[str, Objective] = field(default_factory=dict)
    guards: Guards = field(default_factory=Guards)
    contacts: Contacts = field(default_factory=Contacts)
    rollout: Rollout = field(default_factory=Rollout)
    facts: Mapping[str, str] = field(default_factory=dict)  # planned values: memory, cpu, max_instances ...
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # lists: personas, dashboards ...
    templates: Mapping[str, str] = field(default_factory=dict)  # name -> file
    release: str | None = None  # release file used when --release is not given
    signoffs: str = "reports/signoffs.jsonl"
    waivers: str | None = None
    incident: str = "reports/incident.yaml"  # what recovery is judged from, from the project's folder
    drill: str = "reports/dr-drill.yaml"  # the last disaster recovery drill
    policies: tuple[Policy, ...] = ()  # rate limits, one a path; `none` promises that nothing is rejected
    watch: Rulebook | None = None  # what a canary is held against over time
    start: Start | None = None
    also: tuple[str, ...] = ()  # environments of other systems whose checklists a run of this one includes
    origin: Origin = Origin(file="?")

    def objective(self, name: str) -> Objective | None:
        """The objective of this name; `rollback.NAME` is a rollback threshold. None if it is not set."""
        group, dot, rest = name.partition(".")
        return self.rollout.rollback.get(rest) if dot and group == "rollback" else self.objectives.get(name)

    @property
    def objective_names(self) -> tuple[str, ...]:
        """Every name that `objective` knows."""
        return (*self.objectives, *(f"rollback.{name}" for name in self.rollout.rollback))


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What goes out. `t0` is the moment of the deploy; without it, when the serving revision was created."""

    version: str
    commit: str
    image: str
    pull_request: int | None = None
    t0: str | None = None  # RFC 3339
    notes: str | None = None
    origin: Origin = Origin(file="?")
