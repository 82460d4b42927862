"""The folder of a run: plan before, evidence line by line, verdict last and at once; read and verified again."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any, Self

from gonogo.model.errors import ConfigError, ExitStatus, GonogoError
from gonogo.model.evidence import Evidence
from gonogo.model.run import Plan
from gonogo.reporting.codec import (
    Json,
    Unreadable,
    dumps,
    evidence_from_json,
    evidence_to_json,
    loads,
    plan_to_json,
)
from gonogo.reporting.escape import slug

PLAN, EVIDENCE, VERDICT = "plan.json", "evidence.jsonl", "verdict.json"
_SEAL = ',"sha256":"'  # a line of evidence ends with the digest of all that stands before


class NotKept(GonogoError):
    """A result could not be written to disk: whatever was seen, it is no GO (exit 6)."""

    exit_status = ExitStatus.HOLD


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What evidence.jsonl holds. `problems` mean that it was tampered with or damaged; `notes` do not."""

    evidence: Mapping[str, Evidence]
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def run_id(environment: str, phases: tuple[str, ...], now: datetime) -> str:
    """`20261120T085400Z-local-predeploy-3fa9c1`: also the name of the folder."""
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    return f"{stamp}-{slug(environment)}-{slug('-'.join(phases))}-{secrets.token_hex(3)}"


def create_folder(out: Path, name: str) -> Path:
    """A new folder under `out`. ConfigError when it cannot be: nothing was sent yet."""
    folder = out / name
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise ConfigError(f"{folder}: the folder of the run cannot be made ({_why(error)})") from None
    return folder


def write_plan(folder: Path, plan: Plan, redact: Callable[[str], str] = str) -> None:
    """plan.json, before the first packet. ConfigError when it cannot be written."""
    try:
        _write_whole(folder / PLAN, dumps(scrub(plan_to_json(plan), redact), indent=1) + "\n")
    except OSError as error:
        raise ConfigError(f"{folder / PLAN}: cannot be written ({_why(error)})") from None


@dataclass(slots=True, kw_only=True)
class EvidenceWriter:
    """evidence.jsonl, one observation a line, each line chained to the one before and the first to plan.json.

    Threads may share it. A write that fails sets `problem` and ends the file there; it never raises.
    """

    folder: Path
    redact: Callable[[str], str] = str
    problem: str | None = None
    _seq: int = 0
    _prev: str = ""
    _file: Any = None
    _lock: Lock = field(default_factory=Lock)

    def add(self, evidence: Evidence) -> None:
        """Append one observation and hand it to the operating system."""
        document = scrub(evidence_to_json(evidence), self.redact)
        with self._lock:
            if self.problem is not None:
                return
            try:
                if self._file is None:
                    self._prev = _digest(self.folder / PLAN)
                    self._file = (self.folder / EVIDENCE).open("xb", buffering=0)
                body = dumps({"seq": self._seq, "prev": self._prev, **document}).encode()
                seal = hashlib.sha256(body).hexdigest()
                _write_all(self._file, body[:-1] + f'{_SEAL}{seal}"}}\n'.encode())
                self._seq, self._prev = self._seq + 1, seal
            except OSError as error:
                self.problem = f"{self.folder / EVIDENCE}: evidence was not kept ({_why(error)})"

    def close(self) -> None:
        """Make what was added durable. A run without observations leaves an empty file."""
        with self._lock:
            try:
                if self._file is None and self.problem is None:
                    self._file = (self.folder / EVIDENCE).open("xb", buffering=0)
                if self._file is not None:
                    try:
                        os.fsync(self._file.fileno())
                    finally:
                        self._file.close()
            except (OSError, ValueError) as error:
                self.problem = self.problem or f"{self.folder / EVIDENCE}: evidence was not kept ({_why(error)})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_evidence(folder: Path) -> Recorded:
    """Observations by look key, the last of a key wins. A torn last line is dropped and noted. Never raises."""
    try:
        raw = (folder / EVIDENCE).read_bytes()
        prev = _digest(folder / PLAN)
    except OSError as error:
        return Recorded(evidence={}, problems=(f"{error.filename}: cannot be read ({_why(error)})",))
    evidence: dict[str, Evidence] = {}
    problems: list[str] = []
    *lines, torn = raw.split(b"\n")
    for number, line in enumerate(lines, 1):
        try:
            document = loads(line)
            one = evidence_from_json(document)
        except Unreadable as error:
            problems.append(f"{EVIDENCE}:{number}: {error}")
            prev = ""
            continue
        seal = document.get("sha256")
        head, cut, _ = line.rpartition(_SEAL.encode())
        if not cut or hashlib.sha256(head + b"}").hexdigest() != seal:
            problems.append(f"{EVIDENCE}:{number}: changed after it was written (seq {document.get('seq')})")
        elif document["seq"] != number - 1 or (prev and document["prev"] != prev):
            found = document["seq"]
            problems.append(f"{EVIDENCE}:{number}: seq {found} where {number - 1} belongs; lines are missing or moved")
        prev = seal if isinstance(seal, str) else ""
        evidence[one.look] = one
    notes = (f"{EVIDENCE}:{len(lines) + 1}: torn last line dropped ({len(torn)} bytes)",) if torn else ()
    return Recorded(evidence=evidence, problems=tuple(problems), notes=notes)


def write_verdict(folder: Path, document: Json, redact: Callable[[str], str] = str) -> None:
    """verdict.json with the digests of plan and evidence, written last and by one rename. Raises NotKept."""
    path = folder / VERDICT
    try:
        digests = {name: _digest(folder / name) for name in (PLAN, EVIDENCE)}
        _write_whole(path, dumps(scrub({**document, "digests": digests}, redact), indent=1) + "\n")
    except OSError as error:
        raise NotKept(f"{path}: the verdict was not kept ({_why(error)}); this run is no GO") from None


def write_text(path: Path, text: str) -> None:
    """One report, whole or not at all, UTF-8 with plain newlines. OSError when it cannot be."""
    _write_whole(path, text)


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
    return _digest(path)


def scrub(value: Any, redact: Callable[[str], str]) -> Any:
    """`value` with `redact` over every string in it, keys included."""
    if redact is str:
        return value
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {redact(str(key)): scrub(item, redact) for key, item in value.items()}
    return [scrub(item, redact) for item in value] if isinstance(value, list | tuple) else value


def _write_whole(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(text.encode("utf-8", "backslashreplace"))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    # A folder cannot be opened on Windows, where a rename is made durable by the file system itself.
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _write_all(file: Any, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _why(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
