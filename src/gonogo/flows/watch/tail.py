"""A file that something else appends samples to, into the next samples of a watch."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from gonogo.config.samples import samples_of
from gonogo.flows.watch.sampler import Taken
from gonogo.model.errors import ConfigError
from gonogo.model.watch import Sample
from gonogo.reporting.samples import SCHEMA

_MOST = 4 * 1024 * 1024  # bytes a look


class FileSampler:
    """Reads on from where it stopped. What ends before the watch's newest sample was seen before and is left out.

    A line without its end waits for it; one that does not read is told and passed over: its time is a gap.
    """

    def __init__(self, path: Path, shown: str) -> None:
        """The file may come later."""
        self._path = path
        self._shown = shown
        self._at = 0
        self._lines = 0

    def take(self, after: datetime | None, _now: datetime) -> Taken:
        """The samples that came since the last call and begin at `after` or later."""
        try:
            with self._path.open("rb") as file:
                if file.seek(0, 2) < self._at:
                    self._at = self._lines = 0  # another file under the same name
                file.seek(self._at)
                raw = file.read(_MOST)
        except FileNotFoundError:
            return Taken(notes=(f"{self._shown} is not there",))
        except OSError as error:
            return Taken(notes=(f"{self._shown}: {error.strerror or error}",))
        whole = raw[: raw.rfind(b"\n") + 1]
        taken: list[Sample] = []
        notes: list[str] = []
        for line in whole.split(b"\n")[:-1]:
            try:
                found = samples_of(line + b"\n", SCHEMA, self._shown, lines_before=self._lines).samples
            except ConfigError as error:
                found = ()
                notes.append(str(error))
            self._lines += 1
            for sample in found:
                if after is None or sample.since >= after:
                    taken.append(sample)
                    after = sample.until
        self._at += len(whole)
        return Taken(samples=tuple(taken), notes=tuple(notes))

    def due(self, _after: datetime | None) -> datetime | None:
        """Whenever somebody appends it."""
        return None
