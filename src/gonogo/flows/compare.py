"""The same question put to canary and legacy, one after the other: how many answers succeed, and how long they take."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gonogo.flows.alone import Alone, look_alone
from gonogo.flows.book import Book, Request, open_books
from gonogo.flows.standing import check_rehearsal, standing
from gonogo.judges.percentile import percentile
from gonogo.model.check import Check, ProbeSpec
from gonogo.model.errors import ConfigError, ExitStatus, SafetyRefusal
from gonogo.model.evidence import Evidence, Seen
from gonogo.model.sealed import sealed
from gonogo.model.units import show_duration
from gonogo.probes.http.probe import HttpOptions
from gonogo.reporting.codec import page
from gonogo.reporting.escape import slug
from gonogo.reporting.files import NotKept, write_text

SCHEMA = "gonogo/compare/1"
RECORD = "compare.json"
SIDES = ("canary", "legacy")
_MOST = 200
_LONGEST_DELAY = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command line asks for. None: as the item says."""

    root: Path
    environment: str
    requests: int | None = None
    delay: timedelta | None = None
    item: str | None = None
    scene: str | None = None
    faults: tuple[str, ...] = ()
    out: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """`document` is compare.json as it stands in `folder`."""

    status: ExitStatus
    document: dict[str, Any]
    folder: Path


def compare(asked: Asked) -> Compared:
    """Ask both sides side by side, without retries; judge as the item does; keep compare.json.

    SafetyRefusal or ConfigError before anything is sent.
    """
    (book,) = open_books(Request(root=asked.root, environments=(asked.environment,), out=asked.out))
    check_rehearsal(book.environment, asked.root, asked.scene, asked.faults)
    check = _shaped(_item(book, asked.item), asked, book)
    with standing(book.environment, asked.root, scene=asked.scene, faults=asked.faults, release=book.release) as where:
        alone = look_alone(check, where)
        document = sealed(where.redactor.scrub_json(_document(check, alone, book)))
    return Compared(status=alone.decision.exit_status, document=document, folder=_keep(book, document, alone.started))


def _item(book: Book, wanted: str | None) -> Check:
    """The item that asks both sides several times; the one that is named, where there are several."""
    found = [check for check in book.checks if _compares(check)]
    if wanted is not None:
        found = [check for check in found if check.id == wanted]
    if len(found) == 1:
        return found[0]
    names = ", ".join(check.id for check in book.checks if _compares(check)) or "none"
    raise ConfigError(
        f"a comparison is an item whose probes are http, named {' and '.join(SIDES)}, with the same `times` from 2 up:"
        f" system {book.environment.system!r} has {names}" + (f", and not {wanted!r}" if wanted else "")
    )


def _compares(check: Check) -> bool:
    options = [check.probes[name].options for name in SIDES if name in check.probes]
    return len(check.probes) == len(options) == len(SIDES) and all(
        isinstance(one, HttpOptions) and one.times > 1 and one.times == options[0].times for one in options
    )


def _shaped(check: Check, asked: Asked, book: Book) -> Check:
    """The item with the number and the delay that are asked for, within what the environment allows."""
    requests = _options(check, SIDES[0]).times if asked.requests is None else asked.requests
    delay = _options(check, SIDES[0]).every if asked.delay is None else asked.delay
    if not 1 <= requests <= _MOST or not timedelta(0) <= delay <= _LONGEST_DELAY:
        raise ConfigError(f"--requests is 1 to {_MOST}, --delay at most {show_duration(_LONGEST_DELAY)}")
    guards, name = book.environment.guards, book.environment.name
    if requests * len(SIDES) > guards.max_requests:
        raise SafetyRefusal(
            f"{name} allows {guards.max_requests} requests, and {requests} a side are more (guards.max_requests)",
            book.environment.origin,
        )
    usual = _options(check, SIDES[0])
    if guards.live and (requests > usual.times or delay < usual.every):
        raise SafetyRefusal(
            f"{name} is live: at most {usual.times} requests a side, at least {show_duration(usual.every)} apart"
            f" ({check.id})",
            book.environment.origin,
        )
    probes = {side: _spec(check.probes[side], requests, delay) for side in SIDES}
    return replace(check, probes=probes)


def _spec(spec: ProbeSpec, requests: int, delay: timedelta) -> ProbeSpec:
    options: HttpOptions = spec.options
    deadline = options.deadline * max(1.0, requests / options.times) + max(timedelta(0), delay * requests)
    return replace(spec, options=replace(options, times=requests, every=delay, deadline=deadline, retries=0))


def _options(check: Check, side: str) -> HttpOptions:
    options: HttpOptions = check.probes[side].options
    return options


def _document(check: Check, alone: Alone, book: Book) -> dict[str, Any]:
    sides = {side: _side(_options(check, side), alone.evidence[side]) for side in SIDES}
    means = [sides[side]["mean_ms"] for side in SIDES]
    options = _options(check, SIDES[0])
    return {
        "schema": SCHEMA,
        "environment": book.environment.name,
        "item": check.id,
        "started": alone.started.isoformat(),
        "ended": alone.ended.isoformat(),
        "requests": options.times,
        "delay_ms": options.every / timedelta(milliseconds=1),
        "retries": options.retries,
        "sides": sides,
        "canary_over_legacy": means[0] / means[1] if None not in means and means[1] else None,
        "reasons": list(alone.reasons),
        "decision": alone.decision.value,
        "exit_status": int(alone.decision.exit_status),
    }


def _side(options: HttpOptions, evidence: Evidence) -> dict[str, Any]:
    """What one side did. Times in ms, of the answers that succeeded: an error is often quick."""
    rows: list[Mapping[str, Any]] = []
    match evidence.outcome:
        case Seen(data=data):
            rows = [{key: row[key] for key in ("status", "elapsed_ms", "error")} for row in data["requests"]]
        case unseen:
            rows = [{"status": None, "elapsed_ms": None, "error": unseen.detail}]
    times = [row["elapsed_ms"] for row in rows if row["status"] is not None and 200 <= row["status"] < 300]
    return {
        "asks": f"{options.method} {options.path}",
        "source": evidence.source,
        "sent": options.times,
        "succeeded": len(times),
        "success": len(times) / options.times,
        "mean_ms": sum(times) / len(times) if times else None,
        "p50_ms": percentile(times, 50),
        "p95_ms": percentile(times, 95),
        "max_ms": max(times, default=None),
        "answers": rows,
    }


def _keep(book: Book, document: Mapping[str, Any], started: datetime) -> Path:
    stamp = started.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    folder = book.reports / f"{stamp}-{slug(book.environment.name)}-compare-{secrets.token_hex(3)}"
    try:
        folder.mkdir(parents=True)
        write_text(folder / RECORD, page(dict(document)), durable=True)
    except OSError as error:
        raise NotKept(f"{folder / RECORD}: not kept ({error.strerror or error}); this is no GO") from None
    return folder
