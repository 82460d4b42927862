"""pytest into a gate: items become tests, looks go out once when selection is done, the gate sets the exit status."""

from __future__ import annotations

import json
import os
import re
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gonogo.model.check import Area, Phase
from gonogo.model.errors import ExitStatus, GonogoError
from gonogo.model.units import parse_offset

if TYPE_CHECKING:
    from gonogo.flows.book import Book
    from gonogo.flows.session import Item, Part, Told
    from gonogo.model.run import Run

_STATE = pytest.StashKey["State"]()
_NODE = re.compile(r"::test_item\[(?P<key>[A-Za-z0-9_.-]+)\]\Z")
_HOW = "gonogo_how"
_SAW = "gonogo_saw"  # a worker's word that it came across a checklist
_WORST = (ExitStatus.GO, ExitStatus.HOLD, ExitStatus.NO_GO)


class State:
    """One pytest session that may hold a checklist. Nothing is read before an item is asked for."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.error: GonogoError | None = None
        self.books: tuple[Book, ...] = ()
        self.items: dict[str, Item] = {}
        self.selected: list[str] = []
        self.parts: tuple[Part, ...] = ()
        self.told: dict[str, Told] = {}
        self.executed: set[str] = set()
        self.explained = 0  # failures that pytest counts because an item's verdict is one
        self.beside: list[str] = []  # what else failed, by node id
        self.problems: list[str] = []
        self.runs: tuple[Run, ...] = ()
        self.handed: Path | None = None  # xdist: the file in which the workers find what their items say
        self.read = False

    def open(self) -> dict[str, Item]:
        """Items by key, from strict configuration; an error is kept until nothing can be sent any more."""
        if not self.read:
            self.read = True
            from gonogo.flows.book import open_books  # noqa: PLC0415 - plain pytest runs do not pay for it
            from gonogo.flows.session import items_of  # noqa: PLC0415

            try:
                self.books = open_books(_request(self.config))
                self.items = {item.key: item for item in items_of(self.books)}
            except GonogoError as error:
                self.error = error
        return self.items

    def look(self) -> None:
        """Send every look of the manifest, once."""
        from gonogo.flows.session import look_at, tell  # noqa: PLC0415

        with _quiet_interrupts(), _progress(self.config) as watch:
            self.parts = look_at(self.books, tuple(self.items.values()), self.selected, watch)
        self.told = tell(self.parts)
        self.executed.clear()

    def finish(self) -> None:
        """Decide, write, and remember the runs for the board."""
        from gonogo.flows.session import finish  # noqa: PLC0415

        self.runs = finish(self.parts, self.executed, self.problems)


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of a checklist run; a run of tests ignores them."""
    group = parser.getgroup("gonogo", "release gate")
    add = group.addoption
    add("--env", action="append", metavar="NAME", help="environment, repeatable (default: local, the rehearsal)")
    add("--system", metavar="NAME", help="refuse environments of another system")
    add("--at", metavar="T+60m", help="place on the timeline: what is due by then (default: now minus T0)")
    add("--release", metavar="FILE", help="release file: version, commit, image, pull request, T0")
    add(
        "--fault", action="append", metavar="NAME", help="rehearse this fault, repeatable (rehearsed environments only)"
    )
    add("--allow-action", action="append", metavar="NAME", help="put a check that changes something into the manifest")
    add("--reports", metavar="DIR", help="folder for run folders (default: reports/out)")


def pytest_configure(config: pytest.Config) -> None:
    """Marks of phases and areas."""
    for phase in Phase:
        config.addinivalue_line("markers", f"{phase.value}: checklist items of phase {phase.value}")
    for area in Area:
        config.addinivalue_line("markers", f"{area.value}: checklist items of area {area.value}")
    config.stash[_STATE] = State(config)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test an item, parametrized over keys: a spec object would show its content in tracebacks."""
    if "item_key" not in metafunc.fixturenames:
        return
    items = metafunc.config.stash[_STATE].open()
    marks = {name: getattr(pytest.mark, name) for name in (*(p.value for p in Phase), *(a.value for a in Area))}
    metafunc.parametrize(
        "item_key",
        [
            pytest.param(key, id=key, marks=(marks[item.check.phase.value], marks[item.check.area.value]))
            for key, item in items.items()
        ],
    )


def pytest_collection_modifyitems(config: pytest.Config) -> None:
    """Bad configuration ends the session here: nothing has been sent."""
    error = config.stash[_STATE].error
    if error is not None and not hasattr(config, "workerinput"):
        _stop(error)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Selection is done: look, unless only collecting or a worker does the running."""
    config = session.config
    state = config.stash[_STATE]
    if config.option.collectonly or hasattr(config, "workerinput") or _is_controller(config) or not state.items:
        return
    if session.testsfailed and not config.option.continue_on_collection_errors:
        return
    state.selected = [key for item in session.items if (key := _key(item.nodeid)) in state.items and key]
    _look(state)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker where it will find what its items say."""
    state = node.config.stash[_STATE]
    if state.handed is None:
        handle, name = tempfile.mkstemp(prefix="gonogo-", suffix=".json")
        os.close(handle)
        state.handed = Path(name)
    node.workerinput["gonogo_handed"] = str(state.handed)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object | None) -> None:
    """A worker has ended: did it crash, and did it have a checklist of which it selected nothing?"""
    state: State = node.config.stash[_STATE]
    if error:
        state.problems.append(f"worker {node.gateway.id} was lost")
    elif node.workeroutput.get(_SAW):
        state.open()
        if state.error is not None:
            _stop(state.error)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Any, ids: list[str]) -> None:
    """The first worker has selected: the controller looks, once for all workers."""
    state: State = node.config.stash[_STATE]
    keys = [key for one in ids if (key := _key(one))]
    if not keys or state.parts:
        return
    items = state.open()
    if state.error is not None:
        _stop(state.error)
    state.selected = [key for key in keys if key in items]
    _look(state)
    if state.handed is not None:
        from gonogo.flows.session import told_to_json  # noqa: PLC0415

        state.handed.write_text(json.dumps(told_to_json(state.told)), encoding="utf-8")


@pytest.fixture(scope="session")
def judged(request: pytest.FixtureRequest) -> Callable[[str, pytest.Item], None]:
    """Call it with an item's key and its pytest item: it passes, fails, or skips as the item was judged."""
    state = request.config.stash[_STATE]
    if hasattr(request.config, "workerinput"):
        from gonogo.flows.session import told_from_json  # noqa: PLC0415

        handed = Path(request.config.workerinput["gonogo_handed"]).read_text(encoding="utf-8")
        state.told = told_from_json(json.loads(handed))
    labelled = bool(getattr(request.config.option, "allure_report_dir", None))

    def judge(key: str, node: pytest.Item) -> None:
        told = state.told.get(key)
        if told is None:
            pytest.fail("HOLD: this item was not planned; nothing is known of it", pytrace=False)
        if labelled:
            _label(state.items[key])
        node.user_properties.append((_HOW, told.how))
        node.user_properties.extend((f"gonogo_{name}", value) for name, value in told.facts.items())
        match told.how:
            case "pass":
                return
            case "not_due":
                pytest.skip(told.text)
            case "advisory" | "waived":
                pytest.xfail(told.text)
            case _:
                pytest.fail(told.text, pytrace=False)

    return judge


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Which items really ran, and ended as they were judged; reports of xdist's workers arrive here too."""
    if _current is None:
        return
    key = _key(report.nodeid) if report.when == "call" else None
    told = _current.told.get(key) if key is not None else None
    if key is None or told is None:
        if report.failed:
            _current.beside.append(report.nodeid)
        return
    _current.executed.add(key)
    ended = f"{report.outcome}, expected to fail" if hasattr(report, "wasxfail") else report.outcome
    if ended != _ENDS[told.how]:
        _current.problems.append(f"{key} was judged {told.how}, and its test ended as {ended}")
    elif report.failed:
        _current.explained += 1


_current: State | None = None
_ENDS = {
    "pass": "passed",
    "fail": "failed",
    "hold": "failed",
    "not_due": "skipped",
    "advisory": "skipped, expected to fail",
    "waived": "skipped, expected to fail",
}


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """HOLD is not FAILED."""
    if report.when == "call" and report.failed and (_HOW, "hold") in report.user_properties:
        return "hold", "H", "HOLD"
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """The gate decides; pytest's own status is an input."""
    state = session.config.stash[_STATE]
    if state.handed is not None:
        state.handed.unlink(missing_ok=True)
    if hasattr(session.config, "workerinput"):
        session.config.workeroutput[_SAW] = state.read  # type: ignore[attr-defined]
        return
    if state.items and not state.parts and not session.config.option.collectonly and exitstatus in (0, 1, 5):
        session.exitstatus = ExitStatus.HOLD  # items exist and none was selected: nothing is known
        state.problems.append(f"0 of {len(state.items)} items were selected: nothing was checked")
        return
    if not state.parts:
        return
    if exitstatus not in (0, 1):
        state.problems.append(f"pytest ended early ({pytest.ExitCode(exitstatus).name.lower().replace('_', ' ')})")
    others = session.testsfailed - state.explained
    if others > 0:
        named = ", ".join(dict.fromkeys(state.beside)) or "see above"
        state.problems.append(f"{others} failed in pytest that no item's verdict explains ({named})")
    try:
        state.finish()
        worst = max((run.gated.decision.exit_status for run in state.runs), key=_WORST.index)
    except GonogoError as error:
        state.problems.append(str(error))
        worst = ExitStatus.HOLD
    session.exitstatus = worst


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The board, one an environment."""
    state = config.stash[_STATE]
    if not state.runs and not state.problems:
        return
    from gonogo.reporting.terminal import board, paper_of  # noqa: PLC0415

    stream = terminalreporter._tw._file  # noqa: SLF001 - the stream that pytest writes to
    terminalreporter.ensure_newline()
    for run in state.runs:
        terminalreporter.write_line("")
        terminalreporter.write_line(board(run, paper=paper_of(stream), verbose=config.option.verbose > 0).rstrip("\n"))
    if not state.runs:
        terminalreporter.write_line("HOLD  " + "; ".join(state.problems))


def _look(state: State) -> None:
    global _current  # noqa: PLW0603 - pytest_runtest_logreport has no config
    _current = state
    if not state.selected:
        return
    try:
        state.look()
    except GonogoError as error:
        state.items = {}
        _stop(error)
    option = state.config.option
    if option.tbstyle == "auto":
        option.tbstyle = "no"  # the board says it once, in full
    reporter = state.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and option.reportchars == "fE":
        reporter.reportchars = ""


def _stop(error: GonogoError) -> None:
    if error.exit_status is ExitStatus.CONFIGURATION:
        raise pytest.UsageError(str(error))
    pytest.exit(str(error), returncode=int(error.exit_status))


def _request(config: pytest.Config) -> Any:
    from gonogo.flows.book import DEFAULT_ENVIRONMENT, Request  # noqa: PLC0415
    from gonogo.model.errors import ConfigError  # noqa: PLC0415

    option = config.getoption
    try:
        at = parse_offset(option("--at")) if option("--at") else None
    except ValueError as error:
        raise ConfigError(f"--at: {error}") from None
    return Request(
        root=config.rootpath,
        environments=tuple(option("--env") or (DEFAULT_ENVIRONMENT,)),
        system=option("--system"),
        at=at,
        release=Path(option("--release")) if option("--release") else None,
        faults=tuple(option("--fault") or ()),
        actions=tuple(option("--allow-action") or ()),
        out=Path(option("--reports")) if option("--reports") else None,
    )


def _key(nodeid: str) -> str | None:
    match = _NODE.search(nodeid)
    return match["key"] if match else None


def _is_controller(config: pytest.Config) -> bool:
    return config.pluginmanager.hasplugin("dsession")


@contextmanager
def _progress(config: pytest.Config) -> Iterator[Any]:
    from gonogo.reporting.terminal import Progress  # noqa: PLC0415

    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or config.option.verbose < 0:
        yield None
        return
    shown: list[Progress] = []

    def watch(total: int) -> Progress:
        if not shown:
            reporter.ensure_newline()
            shown.append(Progress(reporter._tw._file))  # noqa: SLF001 - the stream that pytest writes to
        shown[0].on_start(total)
        return shown[0]

    try:
        yield watch
    finally:
        for progress in shown:
            progress.close()


@contextmanager
def _quiet_interrupts() -> Iterator[None]:
    """SIGTERM ends a run as Ctrl-C does: environments go down, evidence stays."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, interrupt)
    except ValueError:  # not the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _label(item: Item) -> None:
    from allure import dynamic  # noqa: PLC0415

    check = item.check
    dynamic.title(f"{check.id}: {check.title.get('en', check.id)}")
    dynamic.epic(check.system)
    dynamic.feature(check.phase.value)
    dynamic.story(check.area.value)
    dynamic.label("owner", check.owner)
    dynamic.severity("blocker" if check.severity.value == "blocking" else "minor")
    dynamic.description(f"{check.title.get('ko', '')}\n\nnext: {check.remedy}\n\nsource: {check.source}")
