"""The table of report formats, and how a run's reports and verdict are written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from gonogo.model.errors import ConfigError
from gonogo.model.run import Run
from gonogo.model.secret import NO_SECRETS, Redactor
from gonogo.model.verdict import Decision
from gonogo.reporting import files, github
from gonogo.reporting.html import html
from gonogo.reporting.junit import junit
from gonogo.reporting.markdown import report as markdown
from gonogo.reporting.verdict_json import verdict_json

# File name -> what renders it (run, language -> text). A new format is one file and one line here.
REPORTS: Mapping[str, Callable[[Run, str], str]] = {
    "report.html": html,
    "report.md": markdown,
    "junit.xml": junit,
}


def write_all(
    run: Run,
    redactor: Redactor = NO_SECRETS,
    language: str = "en",
    leaks: Callable[[], Sequence[str]] = tuple,
) -> Run:
    """Reports, then the verdict, then the job page. The run again, with notes on reports that failed.

    `leaks` looks through what was written before the verdict is; what it finds, or a lost verdict, makes HOLD.
    """
    notes = write_formats(run, redactor, language)
    found = leaks()
    if found:
        run = _held(run, *found)
        notes = write_formats(run, redactor, language)
    run = replace(run, notes=(*run.notes, *notes))
    try:
        write_verdict(run, redactor)
    except files.NotKept as error:
        run = _held(run, str(error))
    try:
        github.publish(run, redactor, language)
    except OSError as error:
        run = replace(run, notes=(*run.notes, f"the job summary was not written ({error.strerror or error})"))
    return run


def write_formats(run: Run, redactor: Redactor = NO_SECRETS, language: str = "en") -> tuple[str, ...]:
    """Every report into the run's folder. Problems in words."""
    folder = _folder(run)
    problems: list[str] = []
    for name, render in REPORTS.items():
        try:
            files.write_text(folder / name, redactor.scrub(render(run, language)))
        except OSError as error:
            problems.append(f"{folder / name}: not written ({error.strerror or error})")
    return tuple(problems)


def _held(run: Run, *problems: str) -> Run:
    decision = Decision.HOLD if run.gated.decision is Decision.GO else run.gated.decision
    gated = replace(run.gated, decision=decision, reasons=(*run.gated.reasons, *problems))
    return replace(run, gated=gated, problems=(*run.problems, *problems))


def write_verdict(run: Run, redactor: Redactor = NO_SECRETS) -> Path:
    """The verdict file, last. Raises NotKept (exit 6) when it cannot be written: the run is then no GO."""
    folder = _folder(run)
    files.write_verdict(folder, verdict_json(run), redactor)
    return folder / files.VERDICT


def _folder(run: Run) -> Path:
    if run.folder is None:
        raise ConfigError(f"run {run.plan.run_id} has no folder")
    return run.folder
