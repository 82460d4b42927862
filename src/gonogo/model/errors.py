"""What can stop a run before anything is sent, and the exit status of each way to end."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class ExitStatus(IntEnum):
    """Exit status of every gonogo command and of a pytest run that holds a checklist."""

    GO = 0
    NO_GO = 1
    CONFIGURATION = 4
    HOLD = 6
    REFUSED = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a configured value stands; line and column count from 1, 0 when unknown."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        if not self.line:
            return self.file
        return f"{self.file}:{self.line}:{self.column}" if self.column else f"{self.file}:{self.line}"


class GonogoError(Exception):
    """An error with one line for the user and the exit status that goes with it."""

    exit_status = ExitStatus.CONFIGURATION

    def __init__(self, message: str, origin: Origin | None = None) -> None:
        super().__init__(f"{origin}: {message}" if origin else message)
        self.message = message
        self.origin = origin


class ConfigError(GonogoError):
    """Bad input: nothing was sent (exit 4)."""


class SafetyRefusal(GonogoError):
    """Asked for something a guard forbids: nothing was sent (exit 7)."""

    exit_status = ExitStatus.REFUSED
