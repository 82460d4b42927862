"""Test results, changelogs and measured tables in files, into documents."""

from __future__ import annotations

import csv
import math
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause, Seen, Unseen
from gonogo.probes.base import Probe, Sight, Vantage
from gonogo.probes.failure import Failure
from gonogo.probes.http.observer import observe
from gonogo.probes.places import environment_file, project_file

MAX_BYTES = 20_000_000
_TEXT = 20_000
_TIMES = ("timestamp", "time", "ts", "datetime", "date")


@dataclass(frozen=True, slots=True, kw_only=True)
class JunitFile:
    """`path` from the project's folder."""

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangelogFile:
    """`path` from the project's folder."""

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvFile:
    """The file that `back_end` names as its address, and how many of its last rows."""

    back_end: str = "metrics_csv"
    tail: int = 300

    def __post_init__(self) -> None:
        if self.tail < 1:
            raise ConfigError("tail is 1 or more")


def look_at_junit(options: JunitFile, vantage: Vantage) -> Sight:
    """{tests, failures, errors, skipped, commit, timestamp}; `commit` from a property of that name, or null.
    No test at all is NO_DATA; fewer test cases than a suite counts are PARTIAL.
    """
    return observe(options.path, lambda: _junit(project_file(options.path, vantage)))


def _junit(path: Path) -> Seen:
    body = _bytes(path)
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise Failure(Cause.BROKEN, f"{path.name} declares a document type; test results need none")
    from xml.etree import ElementTree as ET  # noqa: PLC0415 - most checklists read no JUnit file

    try:
        root = ET.fromstring(body)  # noqa: S314 - without a document type there are no entities
    except ET.ParseError as error:
        raise Failure(Cause.BROKEN, f"{path.name} is no XML: {error}") from None
    if root.tag not in ("testsuites", "testsuite"):
        raise Failure(Cause.BROKEN, f"{path.name} is no JUnit file: its root is {root.tag!r}")
    cases = list(root.iter("testcase"))
    suites = [suite for suite in root.iter("testsuite") if suite.find("testsuite") is None]
    promised = sum(int(suite.get("tests", "0")) for suite in suites)
    if promised > len(cases):
        raise Failure(Cause.PARTIAL, f"{path.name} counts {promised} tests and holds {len(cases)}")
    if not cases:
        raise Failure(Cause.NO_DATA, f"{path.name} holds no tests")
    counts = {
        kind: max(
            sum(case.find(tag) is not None for case in cases),
            # An error outside any test (a suite's set-up) is counted by the suite alone.
            sum(int(suite.get(kind, "0")) for suite in suites),
        )
        for kind, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped"))
    }
    properties = {each.get("name", "").casefold(): each.get("value") for each in root.iter("property")}
    commit = next((properties[key] for key in ("commit", "git.commit", "commit_sha", "sha") if key in properties), None)
    stamps = [suite.get("timestamp") for suite in suites if suite.get("timestamp")]
    return Seen(data={"tests": len(cases), **counts, "commit": commit, "timestamp": stamps[-1] if stamps else None})


def look_at_changelog(options: ChangelogFile, vantage: Vantage) -> Sight:
    """{version, found, text}: the section of the release's version, without its heading."""
    release = vantage.release
    if release is None:
        missing = Unseen(cause=Cause.NO_DATA, detail="no release is named: --release FILE")
        return Sight(source=options.path, outcome=missing)
    return observe(options.path, lambda: _changelog(project_file(options.path, vantage), release.version))


def _changelog(path: Path, version: str) -> Seen:
    lines = _text(path).splitlines()
    bare = re.escape(version.removeprefix("v"))
    named = re.compile(rf"(?<![\w.-])v?{bare}(?![\w-]|\.\w)")
    start = next((at for at, level in _headings(lines) if named.search(lines[at])), None)
    if start is None:
        return Seen(data={"version": version, "found": False, "text": ""})
    levels = dict(_headings(lines))
    end = next((at for at, level in levels.items() if at > start and level <= levels[start]), len(lines))
    underline = bool(lines[start + 1 : start + 2]) and re.fullmatch(r"=+|-+", lines[start + 1].strip()) is not None
    text = "\n".join(lines[start + 1 + underline : end]).strip()
    return Seen(data={"version": version, "found": True, "text": text[:_TEXT]})


def _headings(lines: list[str]) -> Iterator[tuple[int, int]]:
    """Line index and level of Markdown and reStructuredText headings."""
    for at, line in enumerate(lines):
        following = lines[at + 1].strip() if at + 1 < len(lines) else ""
        if (hashes := re.match(r"(#{1,6})\s", line)) is not None:
            yield at, len(hashes[1])
        elif line.strip() and re.fullmatch(r"={3,}|-{3,}", following):
            yield at, 1 if following[0] == "=" else 2


def look_at_csv(options: CsvFile, vantage: Vantage) -> Sight:
    """{columns, rows: [{column: number or text}], count} of the last `tail` rows. The newest time stands in the first
    column named timestamp, time, ts, datetime or date. A torn last line is dropped and noted; a torn line elsewhere,
    or a number that is none, makes the whole PARTIAL.
    """
    path = environment_file(vantage.back_end(options.back_end).address, vantage)
    return observe(str(path), lambda: _csv(path, options.tail))


def _csv(path: Path, tail: int) -> Seen:
    text = _text(path, from_end=True)
    reader = csv.reader(text.splitlines(keepends=True), strict=True)
    notes: list[str] = []
    rows: deque[tuple[int, list[str]]] = deque(maxlen=tail + 1)
    try:
        columns = [name.strip() for name in next(reader, [])]
        rows.extend((reader.line_num, row) for row in reader if row)
    except csv.Error as error:
        raise Failure(Cause.PARTIAL, f"{path.name}:{reader.line_num}: {error}") from None
    if not columns or len(set(columns)) < len(columns) or not all(columns):
        raise Failure(Cause.BROKEN, f"{path.name}:1: a column without a name, or two of one name")
    if rows and not text.endswith("\n"):
        # Whoever writes the file is in the middle of a line, even if the number of columns is already right.
        number, _ = rows.pop()
        notes.append(f"{path.name}:{number}: a last line without its end was dropped")
    if not rows:
        raise Failure(Cause.NO_DATA, f"{path.name} holds no rows")
    found = [_row(path, number, columns, row) for number, row in list(rows)[-tail:]]
    return Seen(
        data={"columns": columns, "rows": found, "count": len(found)}, newest=_newest(found), notes=tuple(notes)
    )


def _row(path: Path, number: int, columns: list[str], row: list[str]) -> dict[str, Any]:
    if len(row) != len(columns):
        raise Failure(Cause.PARTIAL, f"{path.name}:{number}: {len(row)} fields where {len(columns)} are named")
    found: dict[str, Any] = {}
    for name, text in zip(columns, row, strict=True):
        try:
            value: Any = float(text)
        except ValueError:
            found[name] = text.strip()
            continue
        if not math.isfinite(value):
            raise Failure(Cause.PARTIAL, f"{path.name}:{number}: {name} is {text.strip()}")
        found[name] = int(value) if value.is_integer() and abs(value) < 2**53 else value
    return found


def _newest(rows: list[dict[str, Any]]) -> datetime | None:
    name = next((each for each in rows[0] if each.casefold() in _TIMES), None)
    if name is None:
        return None
    moments = [moment for row in rows if (moment := _moment(row[name])) is not None]
    return max(moments, default=None)


def _moment(value: Any) -> datetime | None:
    """Seconds or milliseconds since 1970, or an ISO time (UTC where it does not say)."""
    try:
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value / 1000 if value > 1e11 else value, UTC)
        moment = datetime.fromisoformat(str(value))
    except (ValueError, OverflowError, OSError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _text(path: Path, *, from_end: bool = False) -> str:
    try:
        return _bytes(path, from_end=from_end).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Failure(Cause.BROKEN, f"{path.name}: invalid UTF-8 at byte {error.start}") from None


def _bytes(path: Path, *, from_end: bool = False) -> bytes:
    """The file; of one over the cap, with `from_end`, the first line and as many whole last lines as fit."""
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            if size <= MAX_BYTES:
                return file.read(MAX_BYTES)
            if not from_end:
                raise Failure(Cause.PARTIAL, f"{path.name} is larger than {MAX_BYTES} bytes")
            head = file.readline(MAX_BYTES)
            file.seek(size - MAX_BYTES // 2)
            file.readline(MAX_BYTES)
            return head + file.read(MAX_BYTES)
    except OSError as error:
        cause = Cause.NO_DATA if isinstance(error, FileNotFoundError) else Cause.UNREACHABLE
        raise Failure(cause, f"{path}: {error.strerror}") from None


JUNIT = Probe(options=JunitFile, look=look_at_junit)
CHANGELOG = Probe(options=ChangelogFile, look=look_at_changelog)
CSV = Probe(options=CsvFile, look=look_at_csv, back_ends=("metrics_csv",))
