"""The append-only file of sign-offs into the records of one item."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gonogo.model.evidence import Cause, Seen, Unseen
from gonogo.probes.base import Probe, Sight, Vantage
from gonogo.probes.failure import Failure
from gonogo.probes.http.observer import observe
from gonogo.probes.json_strict import parse_json
from gonogo.probes.places import project_file

FIELDS = ("id", "release", "environment", "by", "at", "until", "link")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signoff:
    """`id` of the item that was attested."""

    id: str


def look(options: Signoff, vantage: Vantage) -> Sight:
    """{records: [{id, release, environment, by, at, until, link}], newest}. `newest` is the last record of this item
    for this environment and release, else the last of this item, else null. A file that is not there holds none.
    """
    path = project_file(vantage.environment.signoffs, vantage)

    def see() -> Seen | Unseen:
        lines, notes = read_lines(path)
        records = [record for record in lines if record["id"] == options.id]
        version = vantage.release.version if vantage.release else None
        fitting = [
            record
            for record in records
            if record["environment"] == vantage.environment.name and record["release"] == version
        ]
        candidates = fitting or records
        newest = candidates[-1] if candidates else None
        return Seen(data={"records": records, "newest": newest}, notes=notes)

    return observe(f"{vantage.environment.signoffs} {options.id}", see)


def read_lines(path: Path) -> tuple[list[Mapping[str, Any]], tuple[str, ...]]:
    """All records in the order written, and notes. A torn last line, the mark of a writer that was killed, is dropped
    and noted; any other line that is no record is Failure(PARTIAL) with its number.
    """
    try:
        body = path.read_bytes()
    except FileNotFoundError:
        return [], (f"{path.name} is not there yet: nothing is signed",)
    except OSError as error:
        raise Failure(Cause.UNREACHABLE, f"{path}: {error.strerror}") from None
    *lines, torn = body.split(b"\n")
    notes = (f"{path.name}:{len(lines) + 1}: a torn last line was dropped",) if torn.strip() else ()
    return [_record(line, f"{path.name}:{at}") for at, line in enumerate(lines, start=1) if line.strip()], notes


def _record(line: bytes, where: str) -> Mapping[str, Any]:
    try:
        record = parse_json(line, where)
    except Failure as failure:
        raise Failure(Cause.PARTIAL, failure.detail) from None
    if not isinstance(record, dict) or not all(isinstance(record.get(key), str) for key in FIELDS):
        missing = [key for key in FIELDS if not isinstance(record, dict) or not isinstance(record.get(key), str)]
        raise Failure(Cause.PARTIAL, f"{where}: no sign-off, it lacks {', '.join(missing)}")
    return {key: record[key] for key in FIELDS}


PROBE = Probe(options=Signoff, look=look)
