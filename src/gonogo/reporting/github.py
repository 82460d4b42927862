"""A judged run onto a GitHub job: the summary page and one annotation an open item."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from gonogo.model.run import Run
from gonogo.model.secret import NO_SECRETS, Redactor
from gonogo.model.verdict import Decision, Verdict
from gonogo.reporting.escape import command_property, command_value
from gonogo.reporting.markdown import summary
from gonogo.reporting.terminal import write
from gonogo.reporting.view import Row, view

_SUMMARY_CAP = 1_000_000  # bytes; GitHub drops a step's summary beyond 1 MiB
_AT_MOST = 10  # GitHub shows ten annotations of a kind for a step


def on_github(environ: Mapping[str, str] = os.environ) -> bool:
    """True inside a GitHub Actions job."""
    return environ.get("GITHUB_ACTIONS") == "true"


def workflow_commands(run: Run, language: str = "en") -> str:
    """Workflow commands: `::error` for failures and the decision, `::warning` for what is undecided or advisory."""
    rows = view(run, language).open_rows
    lines = [_command(row) for row in rows[:_AT_MOST]]
    if run.gated.decision is not Decision.GO:
        reason = "; ".join(run.gated.reasons[:3]) or "see the job summary"
        lines.append(f"::error title=gonogo {run.gated.decision.value}::{command_value(reason)}")
    return "".join(line + "\n" for line in lines)


def publish(
    run: Run,
    redactor: Redactor = NO_SECRETS,
    language: str = "en",
    *,
    environ: Mapping[str, str] = os.environ,
    out: TextIO | None = None,
) -> None:
    """Append to GITHUB_STEP_SUMMARY and print annotations; does nothing elsewhere. OSError if the summary cannot be."""
    if not on_github(environ):
        return
    # A command counts at the start of a line only, and something may have left the last line open.
    write(sys.stdout if out is None else out, "\n" + redactor.scrub(workflow_commands(run, language)))
    target = environ.get("GITHUB_STEP_SUMMARY")
    if target:
        text = (
            redactor.scrub(summary(run, language))
            .encode("utf-8", "backslashreplace")[:_SUMMARY_CAP]
            .decode("utf-8", "ignore")
        )
        with Path(target).open("a", encoding="utf-8", newline="\n") as file:
            file.write(text + "\n")


def _command(row: Row) -> str:
    severe = row.verdict is Verdict.FAIL and not row.advisory and row.waiver is None
    title = command_property(f"{row.word} {row.id}: {row.title}")
    text = command_value("\n".join((row.reason, *row.marks, f"next: {row.next_step}")))
    return f"::{'error' if severe else 'warning'} title={title}::{text}"
