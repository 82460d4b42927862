"""The folder of a watch: its plan, every sample before anything acts on it, what happened, and the verdict last."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from gonogo.config.samples import Recorded, read_samples
from gonogo.model.errors import ConfigError
from gonogo.model.evidence import plain
from gonogo.model.secret import NO_SECRETS, Redactor
from gonogo.model.watch import Sample
from gonogo.reporting.codec import Unreadable, dumps, loads, page
from gonogo.reporting.escape import slug
from gonogo.reporting.files import file_digest, read_json, write_text
from gonogo.reporting.samples import SCHEMA, digest, sample_line

PLAN, SAMPLES, LOG, STATUS, VERDICT = "plan.json", "samples.jsonl", "log.jsonl", "status.json", "verdict.json"
PLAN_SCHEMA, VERDICT_SCHEMA = "gonogo/watch-plan/1", "gonogo/watch-verdict/1"
Json = dict[str, Any]
_STAMP = "%Y%m%dT%H%M%SZ"


def watch_folder(reports: Path, environment: str) -> Path:
    """The folder that holds the watches of an environment, one folder each."""
    return reports / f"watch-{slug(environment)}"


def watches(base: Path) -> list[Path]:
    """Folders of watches, the oldest first."""
    return sorted(path.parent for path in base.glob(f"*/{PLAN}"))


@dataclass(slots=True, kw_only=True)
class Store:
    """One watch on disk. A sample is there once `append` has returned; OSError where it could not be written."""

    folder: Path
    plan: Json
    redactor: Redactor = field(default=NO_SECRETS, repr=False)
    last_digest: str = ""

    @classmethod
    def create(cls, base: Path, plan: Json, now: datetime, redactor: Redactor = NO_SECRETS) -> Store:
        """A new folder with its plan; ConfigError where it cannot be made."""
        folder = base / f"{_after_all(base, now.astimezone(UTC)):{_STAMP}}-{uuid4().hex[:6]}"
        document = {"schema": PLAN_SCHEMA, **redactor.scrub_json(plan)}
        try:
            folder.mkdir(parents=True)
            write_text(folder / PLAN, page(document), durable=True)
        except OSError as error:
            raise ConfigError(f"{folder}: the watch cannot be kept there ({error.strerror or error})") from None
        return cls(folder=folder, plan=document, redactor=redactor)

    @classmethod
    def open(cls, folder: Path, redactor: Redactor = NO_SECRETS) -> Store:
        """A watch that is there; ConfigError if it is none."""
        plan = read_json(folder / PLAN)
        if not isinstance(plan, dict) or plan.get("schema") != PLAN_SCHEMA:
            raise ConfigError(f"{folder / PLAN}: not of schema {PLAN_SCHEMA}")
        return cls(folder=folder, plan=plan, redactor=redactor)

    @property
    def ended(self) -> bool:
        """Whether its verdict stands."""
        return (self.folder / VERDICT).exists()

    def append(self, sample: Sample) -> None:
        """Keep a sample, chained to the one before it, until the disk has it."""
        line = sample_line(_scrubbed(sample, self.redactor), self.last_digest)
        _append(self.folder / SAMPLES, line)
        self.last_digest = json.loads(line)["digest"]

    def resume(self) -> Recorded:
        """All samples that were kept; a torn last line is cut off the file, and noted.

        ConfigError for a line that does not read or a chain of digests that broke: nothing is built upon those.
        """
        path = self.folder / SAMPLES
        if not path.exists():
            return Recorded(samples=())
        recorded = read_samples(path, SCHEMA)
        before = ""
        for document, given in zip(recorded.documents, recorded.digests, strict=True):
            if given != digest(document, before):
                raise ConfigError(f"{path}: the digest of sample {document['seq']} does not fit: it was changed")
            before = given
        if recorded.notes:
            with path.open("r+b") as file:
                file.truncate(recorded.whole)
                os.fsync(file.fileno())
        self.last_digest = before
        return recorded

    def log(self, at: datetime, kind: str, text: str, **more: Any) -> None:
        """One line about what happened: kind is decision, alert, action, report, note or error."""
        entry = {"at": at.isoformat(), "kind": kind, "text": text, **{key: plain(value) for key, value in more.items()}}
        _append(self.folder / LOG, dumps(self.redactor.scrub_json(entry)))

    def status(self, document: Mapping[str, Any]) -> None:
        """How it stands, for whoever asks; it can be made again from the samples."""
        write_text(self.folder / STATUS, page(self.redactor.scrub_json(dict(document))))

    def last_status(self) -> Json | None:
        """What was last said of it; None where that does not read."""
        try:
            found = read_json(self.folder / STATUS)
        except ConfigError:
            return None
        return found if isinstance(found, dict) and "at" in found else None

    def verdict(self, document: Mapping[str, Any]) -> None:
        """The end: written last, by one rename, with the digests of plan and samples."""
        names = [name for name in (PLAN, SAMPLES) if (self.folder / name).exists()]
        digests = {name: file_digest(self.folder / name) for name in names}
        whole = {"schema": VERDICT_SCHEMA, **self.redactor.scrub_json(dict(document)), "digests": digests}
        write_text(self.folder / VERDICT, page(whole), durable=True)


def _after_all(base: Path, now: datetime) -> datetime:
    """A second behind every watch that is there, also where two begin in one second or the clock was put back: the
    last folder by its name is the newest.
    """
    for folder in watches(base)[-1:]:
        with suppress(ValueError):
            last = datetime.strptime(folder.name.partition("-")[0], _STAMP).replace(tzinfo=UTC)
            return max(now, last + timedelta(seconds=1))
    return now


def read_log(folder: Path) -> Sequence[Json]:
    """The lines of log.jsonl, without a torn last one. What does not read is left out: it is for people."""
    return tuple(_entries(folder / LOG))


def _entries(path: Path) -> Iterator[Json]:
    try:
        lines = path.read_bytes().split(b"\n")[:-1]
    except OSError:
        return
    for line in lines:
        try:
            entry = loads(line)
        except Unreadable:
            continue
        if isinstance(entry, dict) and {"at", "kind", "text"} <= entry.keys():
            yield entry


def _append(path: Path, line: str) -> None:
    """A line at the end of a file, on the disk when this returns. A line torn before it is ended first."""
    data = line.encode("utf-8", "backslashreplace") + b"\n"
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)
    try:
        size = os.fstat(handle).st_size
        if size and _last_byte(handle, size) != b"\n":
            data = b"\n" + data
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(handle, view) :]
            os.fsync(handle)
        except OSError:
            with suppress(OSError):
                os.ftruncate(handle, size)  # half a line would make the next one unreadable
            raise
    finally:
        os.close(handle)


def _last_byte(handle: int, size: int) -> bytes:
    os.lseek(handle, size - 1, os.SEEK_SET)
    return os.read(handle, 1)


def _scrubbed(sample: Sample, redactor: Redactor) -> Sample:
    """Reasons why something was not seen come from outside."""
    return replace(
        sample,
        sides={
            name: replace(side, unseen={key: redactor.scrub(why) for key, why in side.unseen.items()})
            for name, side in sample.sides.items()
        },
    )
