"""The folder of a run: plan before, evidence line by line, verdict last and at once; read and verified again."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO, Self

from gonogo.model.errors import ConfigError, ExitStatus, GonogoError
from gonogo.model.evidence import Evidence
from gonogo.model.run import Plan
from gonogo.model.secret import NO_SECRETS, Redactor
from gonogo.reporting.codec import (
    Json,
    Unreadable,
    dumps,
    evidence_from_json,
    evidence_to_json,
    loads,
    page,
    plan_to_json,
)
from gonogo.reporting.escape import slug

PLAN, EVIDENCE, VERDICT = "plan.json", "evidence.jsonl", "verdict.json"
_SEAL = b',"sha256":"'  # a line of evidence ends with the digest of all that stands before


class NotKept(GonogoError):
    """A result could not be written to disk: whatever was seen, it is no GO (exit 6)."""

    exit_status = ExitStatus.HOLD


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What evidence.jsonl holds. `problems` mean that it was tampered with or damaged; `notes` do not."""

    evidence: Mapping[str, Evidence]
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def make_folder(out: Path, plan: Plan) -> Path:
    """A new folder `<UTC time>-<environment>-<phases>-<random>` under `out`. ConfigError when it cannot be."""
    stamp = plan.created.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    phases = slug("-".join(plan.phases), at_most=40)
    folder = out / f"{stamp}-{slug(plan.environment.name)}-{phases}-{slug(plan.run_id)[:6]}"
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise ConfigError(f"{folder}: the folder of the run cannot be made ({_why(error)})") from None
    return folder


def write_plan(folder: Path, plan: Plan, redactor: Redactor = NO_SECRETS) -> tuple[str, ...]:
    """plan.json, before the manifest is looked at. Problems in words, none when it was written."""
    try:
        _write_whole(folder / PLAN, page(redactor.scrub_json(plan_to_json(plan))))
    except OSError as error:
        return (f"{folder / PLAN}: the plan was not kept ({_why(error)})",)
    return ()


class EvidenceWriter:
    """evidence.jsonl, one observation a line, each line chained to the one before and the first to the run's id.

    Threads may share it. A write that fails stands in `problems` and ends the file there; it never raises.
    """

    def __init__(self, folder: Path, run_id: str, redactor: Redactor = NO_SECRETS) -> None:
        self.problems: tuple[str, ...] = ()
        self._path = folder / EVIDENCE
        self._redactor = redactor
        self._seq = 0
        self._prev = _seed(run_id)
        self._lock = Lock()
        self._file: BinaryIO | None = None
        try:
            self._file = io.open(self._path, "xb", buffering=0)  # noqa: UP020, SIM115 - a raw file; close() ends it
        except OSError as error:
            self._failed(error)

    def write(self, evidence: Evidence) -> None:
        """Append one observation and hand it to the operating system."""
        document = self._redactor.scrub_json(evidence_to_json(evidence))
        with self._lock:
            if self._file is None or self.problems:
                return
            body = dumps({"seq": self._seq, "prev": self._prev, **document}).encode()
            seal = hashlib.sha256(body).hexdigest()
            try:
                _write_all(self._file, body[:-1] + _SEAL + f'{seal}"}}\n'.encode())
            except (OSError, ValueError) as error:
                self._failed(error)
            self._seq, self._prev = self._seq + 1, seal

    def close(self) -> None:
        """Make what was written durable."""
        with self._lock:
            file, self._file = self._file, None
            if file is not None:
                try:
                    with file:
                        os.fsync(file.fileno())
                except OSError as error:
                    self._failed(error)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _failed(self, error: Exception) -> None:
        self.problems = self.problems or (f"{self._path}: evidence was not kept ({_why(error)})",)


def read_evidence(folder: Path, run_id: str) -> Recorded:
    """Observations by look key, the last of a key wins. A torn last line is dropped and noted. Never raises."""
    path = folder / EVIDENCE
    try:
        raw = path.read_bytes()
    except OSError as error:
        return Recorded(evidence={}, problems=(f"{path}: cannot be read ({_why(error)})",))
    evidence: dict[str, Evidence] = {}
    problems: list[str] = []
    prev: str | None = _seed(run_id)
    *lines, torn = raw.split(b"\n")
    for number, line in enumerate(lines, 1):
        try:
            document = loads(line)
            one = evidence_from_json(document)
        except Unreadable as error:
            problems.append(f"{EVIDENCE}:{number}: {error}")
            prev = None
            continue
        seq, seal = document.get("seq"), document.get("sha256")
        head, cut, _ = line.rpartition(_SEAL)
        if not cut or hashlib.sha256(head + b"}").hexdigest() != seal:
            problems.append(f"{EVIDENCE}:{number}: changed after it was written (seq {seq})")
        elif seq != number - 1 or (prev is not None and document.get("prev") != prev):
            problems.append(f"{EVIDENCE}:{number}: seq {seq} does not follow; lines are missing or moved")
        prev = seal
        evidence[one.look] = one
    notes = (f"{EVIDENCE}:{len(lines) + 1}: torn last line dropped ({len(torn)} bytes)",) if torn else ()
    return Recorded(evidence=evidence, problems=tuple(problems), notes=notes)


def write_verdict(folder: Path, document: Json, redactor: Redactor = NO_SECRETS) -> None:
    """verdict.json with the digests of plan and evidence, written last and by one rename. Raises NotKept."""
    path = folder / VERDICT
    try:
        digests = {name: file_digest(folder / name) for name in (PLAN, EVIDENCE)}
        _write_whole(path, page(redactor.scrub_json({**document, "digests": digests})))
    except OSError as error:
        raise NotKept(f"{path}: the verdict was not kept ({_why(error)}); this run is no GO") from None


def write_text(path: Path, text: str, *, durable: bool = False) -> None:
    """One report, whole or not at all, UTF-8 with plain newlines. OSError when it cannot be.

    `durable` is for what is a record itself and cannot be made again.
    """
    _write_whole(path, text, durable=durable)


def read_json(path: Path) -> Any:
    """A JSON file of a run. ConfigError with one line when it is not there or not JSON."""
    try:
        return loads(path.read_bytes())
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file; is this the folder of a run?") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({_why(error)})") from None
    except Unreadable as error:
        raise ConfigError(f"{path}: {error}") from None


def file_digest(path: Path) -> str:
    """SHA-256 of a file, in hex. OSError when it cannot be read."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _write_whole(path: Path, text: str, *, durable: bool = True) -> None:
    """Under another name, then renamed. `durable` waits for the disk: a report can be made again from the rest."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(text.encode("utf-8", "backslashreplace"))
            if durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        raise
    if durable:
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    # A folder cannot be opened on Windows, where a rename is made durable by the file system itself.
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _seed(run_id: str) -> str:
    return hashlib.sha256(run_id.encode()).hexdigest()


def _write_all(file: BinaryIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def _why(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
