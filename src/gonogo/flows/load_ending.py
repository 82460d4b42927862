"""A load record into its decision, and both into load.json in a folder of the run's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gonogo.flows.clock import SystemClock
from gonogo.flows.load import Aimed, Order
from gonogo.flows.load_own import Own
from gonogo.judges.load_run import judge_load
from gonogo.judges.rate_limit import validate
from gonogo.load.fleet import Found
from gonogo.model.load import LoadRecord
from gonogo.model.load_verdict import Judged
from gonogo.model.sealed import sealed
from gonogo.model.secret import scan
from gonogo.model.verdict import Decision
from gonogo.reporting.codec import page
from gonogo.reporting.escape import slug
from gonogo.reporting.files import write_text
from gonogo.reporting.load_json import load_document, load_lines, probe_document

LOAD = "load.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A load run that was judged and written down. `folder` is None where it could not be kept."""

    judged: Judged
    folder: Path | None
    lines: tuple[str, ...]
    document: Mapping[str, Any]  # for standard output


def end_load(
    aimed: Aimed,
    found: Found | None,
    *,
    workers_expected: int = 1,
    workers_seen: int = 1,
    own: Own | None = None,
) -> Ended:
    """Judge, and write load.json by one rename. What cannot be kept is no GO; None is a run that never began.

    `own`: users that brought paths of their own.
    """
    order = aimed.order
    now = SystemClock().now()
    record = LoadRecord(
        run_id=order.run_id,
        profile=order.profile,
        environment=order.environment.name,
        started=found.started if found is not None else now,
        ended=found.ended if found is not None else now,
        sides=found.sides if found is not None else (),
        events=found.events if found is not None else (),
        workers_expected=workers_expected,
        workers_seen=workers_seen,
        aborted=found.aborted if found is not None else "it was ended before anything was sent",
        release=order.release,
    )
    standards = order.standards if own is None else own.standards
    declared = {one.policy.path: one.policy for one in standards.values() if one.policy is not None}
    others = validate(record.events, declared.values(), started=record.started.timestamp()) if record.events else ()
    judged = judge_load(record, standards, others if own is None else own.findings)
    judged = _held(judged, own.problems) if own is not None and own.problems else judged
    endpoints = {target.side: f"{target.method} {target.path.partition('?')[0]}" for target in aimed.targets}
    if own is not None:
        endpoints = {side: one.path for side, one in standards.items()}
    folder: Path | None = None
    try:
        folder = _make_folder(order, record.started)
        _keep(folder, aimed, load_document(record, judged, endpoints))
        leaks = [f"a secret stands in {path}" for path in scan(folder, aimed.redactor)]
        if leaks:  # the file must not say GO where the run does not
            judged = _held(judged, leaks)
            _keep(folder, aimed, load_document(record, judged, endpoints))
    except OSError as error:
        judged = _held(judged, [f"{folder or order.reports}: load.json was not kept ({error.strerror or error})"])
        folder = None
    shown = [*load_lines(record, judged)] + ([f"kept in {folder}"] if folder is not None else [])
    return Ended(
        judged=judged,
        folder=folder,
        lines=tuple(aimed.redactor.scrub(line) for line in shown),
        document=aimed.redactor.scrub_json(probe_document(record, judged)),
    )


def _held(judged: Judged, problems: Sequence[str]) -> Judged:
    decision = Decision.HOLD if judged.decision is Decision.GO else judged.decision
    return replace(judged, decision=decision, reasons=(*problems, *judged.reasons))


def _keep(folder: Path, aimed: Aimed, document: Mapping[str, Any]) -> None:
    write_text(folder / LOAD, page(sealed(aimed.redactor.scrub_json(document))), durable=True)


def _make_folder(order: Order, started: datetime) -> Path:
    stamp = started.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    name = f"{stamp}-{slug(order.environment.name)}-{slug(order.profile.name)}-{slug(order.run_id)[:6]}"
    folder = order.reports / name
    folder.mkdir(parents=True)
    return folder
