"""A rollout into rollout.json in a folder of its own, and the newest one of an environment read again."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gonogo.judges.rollout_plan import Kept
from gonogo.model.errors import ConfigError
from gonogo.model.rollout import ServiceTraffic, Share, split_of
from gonogo.model.secret import Redactor
from gonogo.reporting.codec import page
from gonogo.reporting.escape import slug
from gonogo.reporting.files import NotKept, read_json, write_text

RECORD = "rollout.json"
SCHEMA = "gonogo/rollout/1"


@dataclass(slots=True, kw_only=True)
class Record:
    """rollout.json of one rollout: written whole before anything is sent, and again with what came of it."""

    folder: Path
    redactor: Redactor
    document: dict[str, Any] = field(default_factory=dict)

    def keep(self, **more: Any) -> None:
        """Write it with these keys. NotKept where it cannot be."""
        self.document |= more
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_text(self.folder / RECORD, page(self.redactor.scrub_json(self.document)), durable=True)
        except OSError as error:
            why = error.strerror or error
            raise NotKept(f"{self.folder / RECORD}: the record cannot be kept ({why})") from None


def new_record(reports: Path, environment: str, redactor: Redactor, now: datetime) -> Record:
    """A record that is not written yet."""
    run_id = secrets.token_hex(8)
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    folder = reports / f"{stamp}-{slug(environment)}-rollout-{run_id[:6]}"
    return Record(
        folder=folder,
        redactor=redactor,
        document={"schema": SCHEMA, "run_id": run_id, "environment": environment, "started": now.isoformat()},
    )


def newest_kept(reports: Path, environment: str, service: str) -> tuple[Kept | None, tuple[str, ...]]:
    """What the newest record of this service left, and a note for each record that could not be read.

    `service` is the full name, projects/P/locations/R/services/S.
    """
    found: list[tuple[str, Kept]] = []
    notes = []
    for path in reports.glob(f"*Z-{slug(environment)}-rollout-*/{RECORD}"):
        try:
            document = read_json(path)
            if document["service"] == service and document["environment"] == environment:
                found.append((str(document["started"]), _kept(document, path.parent.name)))
        except (ConfigError, KeyError, TypeError, ValueError, AttributeError):
            notes.append(f"{path} is no record that can be read; it is left out")
    return (max(found, key=lambda one: one[0])[1] if found else None), tuple(notes)


def state_document(state: ServiceTraffic) -> dict[str, Any]:
    """A service as it stands, as JSON."""
    return {
        "etag": state.etag,
        "settled": state.settled,
        "split": state.split,
        "traffic": [share_document(share) for share in state.shares],
        "revisions": [{"name": one.name, "ready": one.ready, "reason": one.reason} for one in state.revisions],
    }


def share_document(share: Share) -> dict[str, Any]:
    """A traffic target as JSON."""
    return {"revision": share.revision, "percent": share.percent, "tag": share.tag, "latest": share.latest}


def _kept(document: Mapping[str, Any], name: str) -> Kept:
    previous = document["previous"]
    return Kept(
        before=split_of(_shares(document["before"])),
        split=split_of(_shares(document["plan"])),
        previous=None if previous is None else str(previous),
        name=name,
    )


def _shares(part: Mapping[str, Any]) -> tuple[Share, ...]:
    return tuple(Share(revision=str(one["revision"]), percent=int(one["percent"])) for one in part["traffic"])
