"""What ran and how it ended into the decision, the exit status and the board."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

from gonogo.model.errors import ExitStatus, GonogoError
from gonogo.pytest_plugin.asking import State, key_of
from gonogo.pytest_plugin.workers import SAW, is_controller, is_worker

if TYPE_CHECKING:
    from gonogo.model.run import Run

HOW = "gonogo_how"
_WORST = (ExitStatus.GO, ExitStatus.HOLD, ExitStatus.NO_GO)
_ENDS = {
    "pass": "passed",
    "fail": "failed",
    "hold": "failed",
    "not_due": "skipped",
    "advisory": "skipped, expected to fail",
    "waived": "skipped, expected to fail",
}


class Deciding:
    """Hooks from the end of selection to the end of the session."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.executed: set[str] = set()
        self.explained = 0  # failures that pytest counts because an item's verdict is one
        self.beside: list[str] = []  # what else failed, by node id
        self.runs: tuple[Run, ...] = ()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Selection is done: look, unless only collecting or somebody else does the looking."""
        config, state = session.config, self.state
        if config.option.collectonly or is_worker(config) or is_controller(config) or not state.items:
            return
        if session.testsfailed and not config.option.continue_on_collection_errors:
            return
        state.selected = [key for item in session.items if (key := key_of(item.nodeid)) in state.items and key]
        state.look()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Which items really ran, and ended as they were judged; reports of xdist's workers arrive here too."""
        if not self.state.parts:
            return
        key = key_of(report.nodeid) if report.when == "call" else None
        told = self.state.told.get(key) if key is not None else None
        if key is None or told is None:
            if report.failed:
                self.beside.append(report.nodeid)
            return
        self.executed.add(key)
        ended = f"{report.outcome}, expected to fail" if hasattr(report, "wasxfail") else report.outcome
        if ended != _ENDS[told.how]:
            self.state.problems.append(f"{key} was judged {told.how}, and its test ended as {ended}")
        elif report.failed:
            self.explained += 1

    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """HOLD is not FAILED."""
        if report.when == "call" and report.failed and (HOW, "hold") in report.user_properties:
            return "hold", "H", "HOLD"
        return None

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """The gate decides; pytest's own status is an input."""
        config, state = session.config, self.state
        if is_worker(config):
            config.workeroutput[SAW] = state.read  # type: ignore[attr-defined]
        elif state.parts:
            self._note_endings(session, exitstatus)
            session.exitstatus = self._finish()
            gc.freeze()  # the process ends soon; pytest would still walk every object of the run, several times
        elif state.items and not config.option.collectonly and exitstatus in (0, 1, 5):
            state.problems.append(f"0 of {len(state.items)} items were selected: nothing was checked")
            session.exitstatus = ExitStatus.HOLD

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
        """The board, one an environment."""
        if not self.runs and not self.state.problems:
            return
        from gonogo.reporting.terminal import board, closing, paper_of  # noqa: PLC0415

        paper = paper_of(terminalreporter._tw._file)  # noqa: SLF001 - the stream that pytest writes to
        terminalreporter.ensure_newline()
        for run in self.runs:
            terminalreporter.write_line("")
            terminalreporter.write_line(board(run, paper=paper, verbose=config.option.verbose > 0).rstrip("\n"))
        if len(self.runs) > 1:
            terminalreporter.write_line("")
            terminalreporter.write_line(closing(self.runs, paper=paper))
        if not self.runs:
            terminalreporter.write_line("HOLD  " + "; ".join(self.state.problems))

    def _note_endings(self, session: pytest.Session, exitstatus: int) -> None:
        problems = self.state.problems
        if exitstatus not in (0, 1):
            problems.append(f"pytest ended early ({pytest.ExitCode(exitstatus).name.lower().replace('_', ' ')})")
        others = session.testsfailed - self.explained
        if others > 0:
            named = ", ".join(dict.fromkeys(self.beside)) or "see above"
            problems.append(f"{others} failed in pytest that no item's verdict explains ({named})")

    def _finish(self) -> ExitStatus:
        """Decide, write, and remember the runs for the board."""
        from gonogo.flows.session import finish  # noqa: PLC0415

        try:
            self.runs = finish(self.state.parts, self.executed, self.state.problems)
        except GonogoError as error:
            self.state.problems.append(str(error))
            return ExitStatus.HOLD
        return max((run.gated.decision.exit_status for run in self.runs), key=_WORST.index)
