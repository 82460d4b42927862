"""A planned change into a file of its folder: rollout.json, rule-rollback.json."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gonogo.model.secret import Redactor
from gonogo.reporting.codec import page
from gonogo.reporting.escape import slug
from gonogo.reporting.files import NotKept, write_text

RECORD = "rollout.json"
SCHEMA = "gonogo/rollout/1"


@dataclass(slots=True, kw_only=True)
class Record:
    """The record of one change: written whole before anything is sent, and again with what came of it."""

    folder: Path
    redactor: Redactor
    name: str = RECORD
    document: dict[str, Any] = field(default_factory=dict)

    def keep(self, **more: Any) -> None:
        """Write it with these keys. NotKept where it cannot be."""
        self.document |= more
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_text(self.folder / self.name, page(self.redactor.scrub_json(self.document)), durable=True)
        except OSError as error:
            why = error.strerror or error
            raise NotKept(f"{self.folder / self.name}: the record cannot be kept ({why})") from None


def new_record(
    reports: Path, environment: str, redactor: Redactor, now: datetime, *, kind: str = "rollout", schema: str = SCHEMA
) -> Record:
    """A record that is not written yet."""
    run_id = secrets.token_hex(8)
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    folder = reports / f"{stamp}-{slug(environment)}-{kind}-{run_id[:6]}"
    return Record(
        folder=folder,
        redactor=redactor,
        name=f"{kind}.json",
        document={"schema": schema, "run_id": run_id, "environment": environment, "started": now.isoformat()},
    )
