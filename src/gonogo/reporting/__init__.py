"""A decided run into text: the board, the files of its folder, the job page."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gonogo.model.run import Run


def write_reports(run: Run, redact: Callable[[str], str] = str, language: str = "en") -> Run:
    """Write every report and, last, verdict.json; the run comes back with what went wrong.

    A report that could not be written is a note. A verdict that could not be written makes a GO a HOLD.
    """
    from gonogo.reporting.reports import write_all  # noqa: PLC0415 - collecting a checklist does not pay for formats

    return write_all(run, redact, language)
