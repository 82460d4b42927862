"""The table of report formats, and how a run's reports and verdict are written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from gonogo.model.errors import ConfigError
from gonogo.model.run import Run
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


def write_all(run: Run, redact: Callable[[str], str] = str, language: str = "en") -> Run:
    """Reports, then the verdict. The run again, with notes on reports that failed, and HOLD if the verdict was lost."""
    run = replace(run, notes=(*run.notes, *write_formats(run, redact, language)))
    try:
        write_verdict(run, redact)
    except files.NotKept as error:
        gated = run.gated
        decision = Decision.HOLD if gated.decision is Decision.GO else gated.decision
        gated = replace(gated, decision=decision, reasons=(*gated.reasons, str(error)))
        run = replace(run, gated=gated, problems=(*run.problems, str(error)))
    return run


def write_formats(run: Run, redact: Callable[[str], str] = str, language: str = "en") -> tuple[str, ...]:
    """Every report into the run's folder, and the summary onto GitHub where that is. Problems in words."""
    folder = _folder(run)
    problems: list[str] = []
    for name, render in REPORTS.items():
        try:
            files.write_text(folder / name, redact(render(run, language)))
        except OSError as error:
            problems.append(f"{folder / name}: not written ({error.strerror or error})")
    try:
        github.publish(run, redact, language)
    except OSError as error:
        problems.append(f"the job summary was not written ({error.strerror or error})")
    return tuple(problems)


def write_verdict(run: Run, redact: Callable[[str], str] = str) -> Path:
    """The verdict file, last. Raises NotKept (exit 6) when it cannot be written: the run is then no GO."""
    folder = _folder(run)
    files.write_verdict(folder, verdict_json(run), redact)
    return folder / files.VERDICT


def _folder(run: Run) -> Path:
    if run.folder is None:
        raise ConfigError(f"run {run.plan.run_id} has no folder")
    return run.folder
