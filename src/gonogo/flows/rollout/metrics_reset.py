"""The canary's own counters set back to zero: the checklist's action by hand, judged as the checklist does."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gonogo.flows.alone import look_alone
from gonogo.flows.book import Book, Request, open_books
from gonogo.flows.rollout.order import METRICS_RESET, Asked, guard
from gonogo.flows.rollout.told import COMMAND_LINE, who
from gonogo.flows.standing import check_rehearsal, standing
from gonogo.model.check import Check
from gonogo.model.errors import ConfigError, ExitStatus
from gonogo.probes.http.steps import HttpStepsOptions
from gonogo.reporting.codec import page
from gonogo.reporting.escape import slug
from gonogo.reporting.files import NotKept, write_text

SCHEMA = "gonogo/metrics-reset/1"
RECORD = "metrics-reset.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """`document` is what is printed, and kept where something was sent."""

    status: ExitStatus
    document: dict[str, Any]
    folder: Path | None = None


def reset_metrics(asked: Asked) -> Reset:
    """A dry run without `yes`. SafetyRefusal, ConfigError before anything is sent."""
    (book,) = open_books(Request(root=asked.root, environments=(asked.environment,), out=asked.out))
    environment = book.environment
    refusals = guard(environment, METRICS_RESET, asked.yes)
    check_rehearsal(environment, asked.root, asked.scene, asked.faults)
    check = _item(book)
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "environment": environment.name,
        "item": check.id,
        "who": who(environment, COMMAND_LINE),
        "sends": list(_sends(check)),
        "refusals": list(refusals),
        "reasons": [],
    }
    if asked.yes is None:
        make = "" if refusals else f"; `gonogo rollout reset-metrics --env {environment.name} --yes {environment.name}`"
        said = f"dry run: nothing was sent{make}{' does it' if make else ''}"
        return Reset(status=ExitStatus.GO, document={**document, "done": False, "said": said})
    with standing(environment, asked.root, scene=asked.scene, faults=asked.faults, release=book.release) as where:
        alone = look_alone(check, where)
        passed = alone.decision.exit_status is ExitStatus.GO
        why = "the counters were set back and read back" if passed else alone.outcome.reason
        said = f"{alone.decision.value}  {why}"
        document |= {
            "started": alone.started.isoformat(),
            "ended": alone.ended.isoformat(),
            "reasons": list(alone.reasons),
            "done": passed,
            "said": said,
            "exit_status": int(alone.decision.exit_status),
        }
        document = where.redactor.scrub_json(document)
    folder = _keep(book, document, alone.started)
    return Reset(status=alone.decision.exit_status, document=document, folder=folder)


def _item(book: Book) -> Check:
    found = [check for check in book.checks if check.action == METRICS_RESET]
    if len(found) != 1:
        many = ", ".join(check.id for check in found) or "none"
        raise ConfigError(
            f"one item of system {book.environment.system!r} has to have the action {METRICS_RESET!r} (there is {many})"
        )
    return found[0]


def _sends(check: Check) -> Iterator[str]:
    for spec in check.probes.values():
        options = spec.options
        if not isinstance(options, HttpStepsOptions):
            raise ConfigError(f"{check.id} does not say its requests as http_steps", check.origin)
        for step in options.steps:
            yield f"{step.method} {step.path} to the {options.side} side"


def _keep(book: Book, document: dict[str, Any], started: datetime) -> Path:
    stamp = started.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    folder = book.reports / f"{stamp}-{slug(book.environment.name)}-metrics-reset-{secrets.token_hex(3)}"
    try:
        folder.mkdir(parents=True)
        write_text(folder / RECORD, page(document), durable=True)
    except OSError as error:
        raise NotKept(f"{folder / RECORD}: not kept ({error.strerror or error}); {document['said']}") from None
    return folder
