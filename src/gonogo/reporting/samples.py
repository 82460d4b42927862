"""Samples of a watch as JSON lines: one line a sample, a digest over all before it, and the schema of a line."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from gonogo.model.watch import Sample, SideSample

SCHEMA = "gonogo/sample/1"
Json = dict[str, Any]


def sample_line(sample: Sample, before: str = "") -> str:
    """One line without its end. `before` is the digest of the line before it, empty for the first."""
    document = sample_to_json(sample)
    document["digest"] = digest(document, before)
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def sample_to_json(sample: Sample) -> Json:
    """The sample as it is recorded, without a digest. What is absent was not seen."""
    return {
        "schema": SCHEMA,
        "seq": sample.seq,
        "since": sample.since.isoformat(),
        "until": sample.until.isoformat(),
        "sides": {name: _side(side) for name, side in sample.sides.items()},
    }


def digest(document: Mapping[str, Any], before: str) -> str:
    """SHA-256 over the digest before and this document without its own; a line that is changed, moved or lost shows."""
    bare = {key: value for key, value in document.items() if key != "digest"}
    text = json.dumps(bare, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(f"{before}\n{text}".encode()).hexdigest()


def samples_schema() -> Json:
    """The JSON Schema (draft 2020-12) of one line."""
    count = {"type": "integer", "minimum": 0}
    side = {
        "type": "object",
        "description": "What one side did in the interval. A measure that is absent was not seen.",
        "properties": {
            "requests": count,
            "errors": count | {"description": "5xx and lost answers"},
            "successes": count | {"description": "2xx"},
            "latency_ms": {
                "type": "array",
                "description": "[low, high, count]: requests above low and up to high ms; high is null where unknown",
                "items": {
                    "type": "array",
                    "prefixItems": [
                        {"type": "number", "minimum": 0},
                        {"type": ["number", "null"], "minimum": 0},
                        count,
                    ],
                    "minItems": 3,
                    "maxItems": 3,
                },
            },
            "gauges": {"type": "object", "additionalProperties": {"type": "number"}},
            "counts": {"type": "object", "additionalProperties": count},
            "unseen": {"type": "object", "additionalProperties": {"type": "string"}},
        },
        "additionalProperties": False,
    }
    moment = {"type": "string", "format": "date-time"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "sample",
        "description": "One line of a file of samples: what both sides did in (since, until].",
        "type": "object",
        "properties": {
            "schema": {"const": SCHEMA},
            "seq": {"type": "integer", "minimum": 1},
            "since": moment,
            "until": moment,
            "sides": {"type": "object", "properties": {"canary": side, "stable": side}, "additionalProperties": False},
            "digest": {"type": "string", "pattern": "^[0-9a-f]{64}$", "description": "Optional: chains the lines."},
        },
        "required": ["schema", "seq", "since", "until", "sides"],
        "additionalProperties": False,
    }


def _side(side: SideSample) -> Json:
    made: Json = {}
    for name in ("requests", "errors", "successes"):
        if getattr(side, name) is not None:
            made[name] = getattr(side, name)
    if side.latency is not None:
        made["latency_ms"] = [[bucket.low, bucket.high, bucket.count] for bucket in side.latency]
    for name in ("gauges", "counts", "unseen"):
        if getattr(side, name):
            made[name] = dict(getattr(side, name))
    return made
