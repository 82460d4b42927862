"""What a watch asks for its samples: the measures of both sides over the time since the last one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gonogo.model.watch import Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """Samples in their order, numbered by whoever keeps them (their own `seq` counts nothing), and what went wrong."""

    samples: tuple[Sample, ...] = ()
    notes: tuple[str, ...] = ()


class Sampler(Protocol):
    """Where samples come from. It raises nothing for what could not be seen: the sample says so, or a note."""

    def take(self, after: datetime | None, now: datetime) -> Taken:
        """All that can be told of the time from `after`, the end of the newest sample that was kept, until `now`."""

    def due(self, after: datetime | None) -> datetime | None:
        """When the next sample can be told at the earliest; None where nobody knows."""
