"""An incident file into its timeline against RTO and RPO, and into the notice for customers; nothing is sent."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gonogo.config.environment import load_environment
from gonogo.flows.clock import SystemClock
from gonogo.flows.recorded import Recorded
from gonogo.model.environment import Environment, Objective
from gonogo.model.errors import ConfigError, ExitStatus
from gonogo.model.evidence import Seen
from gonogo.model.recovery import in_future, timeline
from gonogo.model.units import Unit, convert
from gonogo.probes import PROBES
from gonogo.probes.base import Vantage
from gonogo.probes.failure import Failure
from gonogo.reporting.escape import slug
from gonogo.reporting.files import NotKept, write_text
from gonogo.reporting.recovery_page import timeline_html, timeline_markdown

SCHEMA = "gonogo/recovery/1"
LANGUAGES = ("en", "ko")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command line asks for. Without `incident` the file that the environment names."""

    root: Path
    environment: str
    incident: Path | None = None
    out: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """`document` is the timeline; `pages` are the texts by file name, kept in `folder`."""

    status: ExitStatus
    document: dict[str, Any]
    pages: Mapping[str, str]
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Notices:
    """The notice in each language, the keys that the incident file lacks for it (or fields that are of no file), and
    what it tells as having happened that has yet to.
    """

    texts: Mapping[str, str]
    empty: tuple[str, ...]
    ahead: tuple[str, ...]

    @property
    def status(self) -> ExitStatus:
        """HOLD while a field is empty or lies in the future: such a notice is not sent."""
        return ExitStatus.HOLD if self.empty or self.ahead else ExitStatus.GO


def report(asked: Asked) -> Reported:
    """The timeline, kept as timeline.json, .md and .html with the notices. ConfigError before anything is written."""
    environment, records = _opened(asked)
    now = SystemClock().now()
    document = _document(environment, records, now)
    written = _notices(environment, records, now)
    pages = {f"timeline.{language}.md": timeline_markdown(document, language) for language in LANGUAGES}
    pages |= {f"timeline.{language}.html": timeline_html(document, language) for language in LANGUAGES}
    pages |= {f"notice.{language}.txt": text for language, text in written.texts.items()}
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    reports = asked.out or asked.root / "reports" / "out"
    folder = reports / f"{stamp}-{slug(environment.name)}-recovery-report-{secrets.token_hex(3)}"
    from gonogo.reporting.codec import page  # noqa: PLC0415

    try:
        folder.mkdir(parents=True)
        for name, text in {"timeline.json": page(document), **pages}.items():
            write_text(folder / name, text)
    except OSError as error:
        raise NotKept(f"{folder}: not kept ({error.strerror or error})") from None
    return Reported(status=ExitStatus(document["exit_status"]), document=document, pages=pages, folder=folder)


def notices(asked: Asked) -> Notices:
    """The notice in English and Korean as it stands; nothing is written."""
    environment, records = _opened(asked)
    return _notices(environment, records, SystemClock().now())


def _opened(asked: Asked) -> tuple[Environment, Recorded]:
    environment = load_environment(asked.environment, asked.root / "environments", root=asked.root)
    if asked.incident is not None:
        environment = replace(environment, incident=str(asked.incident.absolute()))
    elif environment.incident.startswith("address:"):
        raise ConfigError(f"{environment.name} is a rehearsal: name an incident file with --incident")
    records = Recorded(environment=environment, root=asked.root)
    try:
        incident = records.incident()
    except Failure as failure:
        raise ConfigError(failure.detail) from None
    if incident.began > SystemClock().now():
        raise ConfigError("began is in the future", incident.origin)
    return environment, records


def _document(environment: Environment, records: Recorded, now: datetime) -> dict[str, Any]:
    told = timeline(records.incident(), now)
    rto, rpo = (_objective(environment, f"{kind}_{told['class']}") for kind in ("rto", "rpo"))
    lost = told["data_loss_s"]
    kept = {
        "rto": rto.comparator.holds(told["elapsed_s"], _seconds(rto)),
        "rpo": None if lost is None else rpo.comparator.holds(lost, _seconds(rpo)),
    }
    waits = [*told["doubts"], *(f"{name} has no end" for name in told["open"])]
    waits += [] if waits else [f"{name} has not begun" for name in told["not_begun"]]
    waits += ["the data loss is not recorded"] if lost is None else []
    if False in kept.values():
        status, decision = ExitStatus.NO_GO, "NO-GO"
    else:
        status, decision = (ExitStatus.HOLD, "HOLD") if waits else (ExitStatus.GO, "GO")
    return {
        "schema": SCHEMA,
        "environment": environment.name,
        "told": now.isoformat(),
        **told,
        "rto_s": _seconds(rto),
        "rpo_s": _seconds(rpo),
        "rto_kept": kept["rto"],
        "rpo_kept": kept["rpo"],
        "waits": waits,
        "decision": decision,
        "exit_status": int(status),
    }


def _objective(environment: Environment, name: str) -> Objective:
    objective = environment.objective(name)
    if objective is None:
        raise ConfigError(f"{environment.name} sets no objective {name!r}", environment.origin)
    try:
        convert(objective.limit, objective.unit, Unit.S)
    except ValueError as error:
        raise ConfigError(f"objective {name}: {error}", objective.origin) from None
    return objective


def _seconds(objective: Objective) -> float:
    return float(convert(objective.limit, objective.unit, Unit.S))


def _notices(environment: Environment, records: Recorded, now: datetime) -> Notices:
    probe = PROBES["declared"]
    vantage = Vantage(
        environment=environment,
        release=None,
        now=now,
        t0=None,
        reveal=_no_secret,
        base=str(records.root / "environments"),
        records=records,
    )
    texts: dict[str, str] = {}
    empty: dict[str, None] = {}
    for language in LANGUAGES:
        outcome = probe.look(probe.options(template=f"notice_{language}"), vantage).outcome
        if not isinstance(outcome, Seen):
            raise ConfigError(outcome.detail, environment.origin)
        texts[language] = outcome.data["template"]["text"]
        empty |= dict.fromkeys(outcome.data["template"]["missing"])
    return Notices(texts=texts, empty=tuple(empty), ahead=tuple(in_future(records.incident(), now)))


def _no_secret(name: str) -> str:
    raise ConfigError(f"a notice holds no secret, and asks for {name}")
