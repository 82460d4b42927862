"""A load run that an item asks for: an order for a process of its own, against the environment that is up."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import IO, Any

from gonogo.config.profiles import load_profiles
from gonogo.flows.book import Book
from gonogo.flows.load.reach import reaching, rest, takes
from gonogo.flows.started import Started
from gonogo.judges.loads.run import PROPERTIES
from gonogo.model.errors import ExitStatus
from gonogo.model.evidence import Cause, plain
from gonogo.model.ratelimit import Policy
from gonogo.model.units import show_duration
from gonogo.probes.deadline import Deadline
from gonogo.probes.failure import Failure

_RESTS = 5.0  # seconds that a limiter is left alone for; one that forgets later is not known to be idle
_ENDS_WITHIN_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadsAlone:
    """Load runs of one book. `ready`: the rehearsal that is up and that they are to be sent to."""

    book: Book
    ready: Started | None = field(default=None, repr=False)

    @property
    def reports(self) -> Path:
        """The folder that holds one folder a run."""
        return self.book.reports

    @property
    def rehearsed(self) -> bool:
        """The environment was started for this run."""
        return self.ready is not None

    def reaching(self, policies: Sequence[Policy]) -> tuple[str, ...]:
        """Allowed profiles that limiters of these policies must reject: fewest requests first, in a rehearsal the
        quickest first.
        """
        profiles = load_profiles(self.book.root / "loadtests" / "profiles.yaml", PROPERTIES, root=self.book.root)
        found = reaching(profiles, self.book.environment.guards.profiles, policies)
        return tuple(one.name for one in (sorted(found, key=takes) if self.rehearsed else found))

    def make(
        self, profile: str, asked: Mapping[str, str | None], policies: Sequence[Policy], within: timedelta
    ) -> Path:
        """Run it, and the place of its load.json. Failure: refused, broken, or not over in time.

        A live system's limiter is left alone for a while first; in a rehearsal the run is a client of its own.
        """
        quiet = 0.0 if self.rehearsed else rest(policies)
        order = {
            "root": str(self.book.root),
            "environment": self.book.environment.name,
            "profile": profile,
            "asked": dict(asked),
            "out": str(self.book.reports),
            "release": self._release(),
            "rest_s": min(quiet, _RESTS),
            "idle": quiet <= _RESTS,
            "ready": None if self.ready is None else plain(self.ready),
        }
        said, trouble = self._answer(order, Deadline(within))
        return _place(said, trouble, profile)

    def _answer(self, order: Mapping[str, Any], deadline: Deadline) -> tuple[str, str]:
        """The line that the process ends with, and the last one of its standard error.

        Its standard input stays open: it stops when this process ends.
        """
        command = [sys.executable, "-P", "-X", "utf8", "-m", "gonogo.flows.load.child"]
        with tempfile.TemporaryFile("w+", encoding="utf-8") as said, _errors() as errors:
            try:
                child = subprocess.Popen(  # noqa: S603 - this interpreter and a module of this package
                    command, cwd=self.book.root, stdin=subprocess.PIPE, stdout=said, stderr=errors, encoding="utf-8"
                )
            except OSError as error:
                raise Failure(Cause.UNAVAILABLE, f"a process for the load run: {error.strerror}") from None
            try:
                with suppress(OSError):  # it has ended; its last line or its lack says why
                    _tell(child.stdin, order)
                child.wait(deadline.left)
            except subprocess.TimeoutExpired:
                raise Failure(
                    Cause.TIMEOUT,
                    f"the load run did not end within {show_duration(timedelta(seconds=deadline.allowed))}",
                ) from None
            finally:
                _end(child)
            return _last_line(said), _last_line(errors)

    def _release(self) -> dict[str, Any] | None:
        release = self.book.release
        return None if release is None else {k: v for k, v in plain(release).items() if k != "origin"}


def _errors() -> IO[str]:
    return tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")


def _last_line(file: IO[str]) -> str:
    file.seek(0)
    return next((line.strip() for line in reversed(file.read().splitlines()) if line.strip()), "")


def _tell(stream: IO[str] | None, order: Mapping[str, Any]) -> None:
    if stream is not None:
        stream.write(json.dumps(order) + "\n")
        stream.flush()


def _end(child: subprocess.Popen[str]) -> None:
    """Its standard input ends, then it does; what stays is killed."""
    if child.stdin is not None:
        with suppress(OSError):
            child.stdin.close()
    try:
        child.wait(_ENDS_WITHIN_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _place(said: str, trouble: str, profile: str) -> Path:
    try:
        document: dict[str, Any] = json.loads(said)
    except ValueError:
        text = f"the load run {profile} ended without a word" + (f": {trouble[:200]}" if trouble else "")
        raise Failure(Cause.UNAVAILABLE, text) from None
    if "load" in document:
        return Path(document["load"])
    refused = document.get("exit_status") == ExitStatus.REFUSED
    raise Failure(Cause.REFUSED if refused else Cause.UNAVAILABLE, f"load run {profile}: {document.get('error')}")
