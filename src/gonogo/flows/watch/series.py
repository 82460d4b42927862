"""Samples into the values of a few measures of both sides, for whoever looks on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from gonogo.config.samples import samples_of
from gonogo.flows.watch.store import SAMPLES
from gonogo.judges.canary.measures import Tally
from gonogo.model.errors import ConfigError
from gonogo.model.rulebook import Rule
from gonogo.model.units import Unit
from gonogo.model.watch import CANARY, STABLE, Sample, SideSample
from gonogo.reporting.samples import SCHEMA

_ALWAYS = (
    Rule(text="", measure="requests", symbol=">", limit=0, unit=Unit.COUNT),
    Rule(text="", measure="error_ratio", symbol=">", limit=0, unit=Unit.RATIO),
    Rule(text="", measure="p95_latency", symbol=">", limit=0, unit=Unit.MS),
)
_GAUGES = ("memory", "cpu")
_TAIL = 256 * 1024  # bytes at the end of samples.jsonl


def series(samples: Sequence[Sample]) -> dict[str, dict[str, list[float | None]]]:
    """Measure -> side -> its values, sample by sample; latencies in ms, None where a sample does not tell."""
    return {
        f"{rule.measure}{' ms' if rule.unit is Unit.MS else ''}": {
            side: [_value(rule, sample.sides.get(side)) for sample in samples] for side in (CANARY, STABLE)
        }
        for rule in (*_ALWAYS, *_told(samples))
    }


def _told(samples: Sequence[Sample]) -> list[Rule]:
    """The gauges and counts of these samples, told or not seen."""
    sides = [side for sample in samples for side in sample.sides.values()]
    named = dict.fromkeys(name for side in sides for name in side.gauges)
    named |= dict.fromkeys(name for name in _GAUGES if any(name in side.unseen for side in sides))
    named |= dict.fromkeys(f"{name}_ratio" for side in sides for name in side.counts)
    first = [name for name in _GAUGES if name in named]
    return [
        Rule(text="", measure=name, symbol=">", limit=0, unit=Unit.RATIO) for name in dict.fromkeys((*first, *named))
    ]


def newest(folder: Path, most: int = 60) -> tuple[Sample, ...]:
    """The newest samples of a watch on disk, none where they do not read: it is for looking on only."""
    try:
        with (folder / SAMPLES).open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _TAIL))
            raw = file.read()
    except OSError:
        return ()
    lines = raw.split(b"\n")[:-1][1 if size > _TAIL else 0 :]
    return tuple(_read(lines[-most:]))


def _read(lines: Iterable[bytes]) -> Iterable[Sample]:
    for line in lines:
        try:
            json.loads(line)
            yield from samples_of(line + b"\n", SCHEMA, SAMPLES).samples
        except (ConfigError, ValueError):
            continue


def _value(rule: Rule, side: SideSample | None) -> float | None:
    tally = Tally()
    tally.add(side)
    return tally.measured(rule).value
