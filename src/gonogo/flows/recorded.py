"""What people recorded of an incident and of the last drill, read when a look first needs it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from gonogo.config.recovery import load_drill, load_incident
from gonogo.model.check import Phase
from gonogo.model.environment import Environment
from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause
from gonogo.model.recovery import Drill, Incident
from gonogo.probes.failure import Failure


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """The files that an environment names as `incident` and `drill`, from the project's folder."""

    environment: Environment
    root: Path

    def incident(self) -> Incident:
        """Failure(NO_DATA) without a file; ConfigError for one that is none."""
        return self._incident

    def drill(self) -> Drill:
        """Failure(NO_DATA) without a file; ConfigError for one that is none."""
        return self._drill

    def check(self, phases: tuple[str, ...]) -> None:
        """ConfigError before anything is sent, where these phases rest on a file that does not read."""
        if Phase.RECOVERY in phases and self._path("incident", self.environment.incident).is_file():
            self.incident()
        if Phase.QUARTERLY in phases and self._path("drill", self.environment.drill).is_file():
            self.drill()

    @cached_property
    def _incident(self) -> Incident:
        return load_incident(self._there("incident", self.environment.incident))

    @cached_property
    def _drill(self) -> Drill:
        return load_drill(self._there("drill", self.environment.drill))

    def _there(self, key: str, name: str) -> Path:
        path = self._path(key, name)
        if not path.is_file():
            raise Failure(Cause.NO_DATA, f"{name} is not there: no {key} is recorded; write it")
        return path

    def _path(self, key: str, name: str) -> Path:
        path = self.root / name
        if not Path(name).is_absolute() and not path.resolve().is_relative_to(self.root.resolve()):
            raise ConfigError(f"{key}: {name!r} leads out of the project", self.environment.origin)
        return path
