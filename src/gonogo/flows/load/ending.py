"""A load record into its decision, and both into load.json in a folder of the run's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gonogo.flows.clock import SystemClock
from gonogo.flows.load.own import Own
from gonogo.flows.load.run import Aimed, Order
from gonogo.judges.loads.capacity_run import judge_capacity
from gonogo.judges.loads.run import judge_load
from gonogo.judges.rate.inference import infer
from gonogo.judges.rate.limit import validate
from gonogo.load.fleet import Found
from gonogo.load.series import readable
from gonogo.model.capacity import Capacity
from gonogo.model.load import LoadRecord, OutcomeClass, SideRecord
from gonogo.model.load_verdict import Judged
from gonogo.model.ratelimit import Algorithm, Inferred, Policy
from gonogo.model.sealed import sealed
from gonogo.model.secret import scan
from gonogo.model.verdict import Decision
from gonogo.reporting.codec import page
from gonogo.reporting.escape import slug
from gonogo.reporting.files import write_text
from gonogo.reporting.load.document import load_document, load_lines, probe_document
from gonogo.reporting.load.page import PAGE, page_from_document

LOAD = "load.json"
_ENOUGH = 500  # requests that show a limiter
_UNSENT, _UNHEARD = "it was ended before anything was sent", "no worker has said what it saw"


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
    idle: bool = True,
    own: Own | None = None,
    capacities: Sequence[Capacity] = (),
) -> Ended:
    """Judge, and write load.json by one rename. What cannot be kept is no GO; None is a run that never began.

    `idle`: nobody used the limiters right before it. `own`: users that brought paths of their own.
    `capacities`: what the steps of a capacity profile found, a side each.
    """
    order = aimed.order
    now, standards = SystemClock().now(), order.standards if own is None else own.standards
    record = LoadRecord(
        run_id=order.run_id,
        profile=order.profile,
        environment=order.environment.name,
        started=found.started if found is not None else now,
        ended=found.ended if found is not None else now,
        sides=tuple(_over_time(side) for side in found.sides) if found is not None else (),
        events=found.events if found is not None else (),
        workers_expected=workers_expected,
        workers_seen=workers_seen,
        aborted=found.aborted if found is not None else _UNHEARD if workers_seen == 0 else _UNSENT,
        burned=found.burned if found is not None else (),
        release=order.release,
        policies={side: one.policy for side, one in standards.items() if one.policy is not None},
    )
    declared = {one.policy.path: one.policy for one in standards.values() if one.policy is not None}
    began = record.started.timestamp()
    others = validate(record.events, declared.values(), idle=idle, started=began) if record.events else ()
    if order.profile.steps is not None:
        judged = judge_capacity(record, standards, capacities)
    else:
        judged = judge_load(record, standards, others if own is None else own.findings)
    judged = _held(judged, own.problems) if own is not None and own.problems else judged
    endpoints = {target.side: f"{target.method} {target.path.partition('?')[0]}" for target in aimed.targets}
    if own is not None:
        endpoints = {side: one.path for side, one in standards.items()}
    folder: Path | None = None
    try:
        folder = _make_folder(order, record.started)
        limiters = {name: _limiter(record, name, standard.policy) for name, standard in standards.items()}
        _keep(folder, aimed, load_document(record, judged, endpoints, limiters))
        leaks = [f"a secret stands in {path}" for path in scan(folder, aimed.redactor)]
        if leaks:  # the file must not say GO where the run does not
            judged = _held(judged, leaks)
            _keep(folder, aimed, load_document(record, judged, endpoints, limiters))
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
    kept = sealed(aimed.redactor.scrub_json(document))
    write_text(folder / PAGE, page_from_document(kept))
    write_text(folder / LOAD, page(kept), durable=True)


def _over_time(side: SideRecord) -> SideRecord:
    return side if side.series is None else replace(side, series=readable(side.series))


def _limiter(record: LoadRecord, side: str, declared: Policy | None) -> Policy | Inferred | None:
    """What is declared to reject, or else what the rejections of the side show."""
    if declared is not None and declared.algorithm is not Algorithm.NONE:
        return declared
    events = [event for event in record.events if event.side == side][:_ENOUGH]
    return infer(events) if any(event.outcome is OutcomeClass.LIMITED for event in events) else declared


def _make_folder(order: Order, started: datetime) -> Path:
    stamp = started.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    name = f"{stamp}-{slug(order.environment.name)}-{slug(order.profile.name)}-{slug(order.run_id)[:6]}"
    folder = order.reports / name
    folder.mkdir(parents=True)
    return folder
