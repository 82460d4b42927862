"""A file of recorded samples into the model: strict, with the line and the key of whatever does not fit."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from gonogo.config.complain import brief, nearest, one_line
from gonogo.model.errors import ConfigError, Origin
from gonogo.model.watch import CANARY, STABLE, Bucket, Sample, SideSample

_KEYS = ("schema", "seq", "since", "until", "sides", "digest")
_SIDE_KEYS = ("requests", "errors", "successes", "latency_ms", "gauges", "counts", "unseen")
MAX_LINE = 1_000_000  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """Samples of a file, their digests ("" where a line has none), and what was noted on the way."""

    samples: tuple[Sample, ...]
    digests: tuple[str, ...] = ()
    documents: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    whole: int = 0  # bytes up to the end of the last whole line
    notes: tuple[str, ...] = ()


def read_samples(path: Path, schema: str, name: str | None = None) -> Recorded:
    """All samples of a file. A last line without its end was torn by a crash: it is left out and noted.

    ConfigError names the line: no JSON, a key that is unknown, a number that is none, a sample out of order.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{name or path}: {error.strerror or error}") from None
    return samples_of(raw, schema, name or str(path))


def samples_of(raw: bytes, schema: str, shown: str, *, lines_before: int = 0) -> Recorded:
    """The samples of a piece of a file that begins after `lines_before` whole lines; as `read_samples` otherwise."""
    *lines, torn = raw.split(b"\n")
    notes: list[str] = []
    if torn.strip():
        notes.append(f"{shown}:{lines_before + len(lines) + 1}: the last line has no end and was left out")
    samples: list[Sample] = []
    documents: list[Mapping[str, Any]] = []
    for number, line in enumerate(lines, start=lines_before + 1):
        if not line.strip():
            continue
        reading = _Line(Origin(file=shown, line=number))
        document = reading.document(line)
        sample = reading.sample(document, schema)
        if samples and sample.seq != samples[-1].seq + 1:
            reading.wrong(f"seq is {sample.seq} after {samples[-1].seq}: a line is missing, doubled or out of order")
        if samples and sample.since < samples[-1].until:
            reading.wrong("it begins before the sample before it ends")
        samples.append(sample)
        documents.append(document)
    return Recorded(
        samples=tuple(samples),
        digests=tuple(str(document.get("digest", "")) for document in documents),
        documents=tuple(documents),
        whole=len(raw) - len(torn),
        notes=tuple(notes),
    )


class _Line:
    """One line of the file."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin

    def wrong(self, what: str) -> NoReturn:
        raise ConfigError(one_line(what), self._origin)

    def document(self, line: bytes) -> Mapping[str, Any]:
        if len(line) > MAX_LINE:
            self.wrong(f"a line of more than {MAX_LINE} bytes")
        try:
            document = json.loads(line.decode("utf-8"), parse_constant=self._constant)
        except (ValueError, RecursionError) as error:
            self.wrong(f"is not JSON: {error}")
        if not isinstance(document, dict):
            self.wrong("is not a JSON object")
        return document

    def _constant(self, text: str) -> NoReturn:
        raise ValueError(f"{text} is no number of JSON")

    def sample(self, document: Mapping[str, Any], schema: str) -> Sample:
        self._known(document, _KEYS, "a sample")
        for key in _KEYS[:-1]:
            if key not in document:
                self.wrong(f"has no {key!r}, which it needs")
        if document["schema"] != schema:
            self.wrong(f"schema is {brief(str(document['schema']))}, not {schema!r}")
        since, until = self._moment(document, "since"), self._moment(document, "until")
        if until <= since:
            self.wrong("until is not after since")
        seq = self._count(document["seq"], "seq")
        if seq < 1:
            self.wrong("seq counts from 1")
        sides = self._mapping(document["sides"], "sides")
        self._known(sides, (CANARY, STABLE), "sides")
        return Sample(
            seq=seq,
            since=since,
            until=until,
            sides={name: self._side(self._mapping(side, f"sides.{name}"), name) for name, side in sides.items()},
        )

    def _side(self, side: Mapping[str, Any], name: str) -> SideSample:
        self._known(side, _SIDE_KEYS, f"sides.{name}")
        counts = {key: self._count(side[key], f"{name}.{key}") for key in _SIDE_KEYS[:3] if key in side}
        for key in ("errors", "successes"):
            if counts.get(key, 0) > counts.get("requests", counts.get(key, 0)):
                self.wrong(f"{name}.{key} is {counts[key]}, more than its {counts['requests']} requests")
        texts = self._mapping(side.get("unseen", {}), f"{name}.unseen")
        return SideSample(
            requests=counts.get("requests"),
            errors=counts.get("errors"),
            successes=counts.get("successes"),
            latency=tuple(self._buckets(side["latency_ms"], f"{name}.latency_ms")) if "latency_ms" in side else None,
            gauges={
                key: self._number(value, f"{name}.gauges.{key}")
                for key, value in self._mapping(side.get("gauges", {}), f"{name}.gauges").items()
            },
            counts={
                key: self._count(value, f"{name}.counts.{key}")
                for key, value in self._mapping(side.get("counts", {}), f"{name}.counts").items()
            },
            unseen={key: str(value) for key, value in texts.items()},
        )

    def _buckets(self, value: Any, name: str) -> Iterator[Bucket]:
        if not isinstance(value, list):
            self.wrong(f"{name} is a list of [low, high, count]")
        end = -math.inf
        for place, bucket in enumerate(value):
            at = f"{name}[{place}]"
            if not isinstance(bucket, list) or len(bucket) != 3:
                self.wrong(f"{at} is not [low, high, count]")
            low = self._number(bucket[0], at)
            high = None if bucket[1] is None else self._number(bucket[1], at)
            if low < 0 or (high is not None and high < low) or low < end:
                self.wrong(f"{at}: buckets rise from 0 and do not overlap")
            end = math.inf if high is None else high
            yield Bucket(low=low, high=high, count=self._count(bucket[2], at))

    def _known(self, found: Mapping[str, Any], allowed: Iterable[str], where: str) -> None:
        for key in found:
            if key not in allowed:
                hint = f"{nearest(key, allowed)} (allowed: {', '.join(allowed)})"
                self.wrong(f"{brief(key)} is not a key of {where}{hint}")

    def _mapping(self, value: Any, name: str) -> Mapping[str, Any]:
        return value if isinstance(value, dict) else self.wrong(f"{name} is not a JSON object")

    def _number(self, value: Any, name: str) -> float:
        try:
            number = math.nan if isinstance(value, bool) or not isinstance(value, int | float) else float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            self.wrong(f"{name} is not a finite number: {brief(str(value))}")
        return number

    def _count(self, value: Any, name: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
            self.wrong(f"{name} is not a whole number from 0: {brief(str(value))}")
        return value

    def _moment(self, document: Mapping[str, Any], key: str) -> datetime:
        try:
            moment = datetime.fromisoformat(str(document[key]))
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            self.wrong(f"{key} is a moment with its zone, like 2026-11-20T09:00:00+00:00: {brief(str(document[key]))}")
        return moment
