"""What the command line asks for, the items it comes to, and the one look at them."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from gonogo.model.errors import ConfigError, ExitStatus, GonogoError
from gonogo.model.units import parse_offset

if TYPE_CHECKING:
    from gonogo.flows.book import Book, Request
    from gonogo.flows.items import Item
    from gonogo.flows.session import Part, Told

_NODE = re.compile(r"::test_item\[(?P<key>[A-Za-z0-9_.-]+)\]\Z")


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
        self.problems: list[str] = []
        self.read = False

    def open(self) -> dict[str, Item]:
        """Items by key, from strict configuration; an error is kept until nothing can be sent any more."""
        if not self.read:
            self.read = True
            with _no_collector():
                from gonogo.flows.book import open_books  # noqa: PLC0415 - plain pytest runs do not pay for it
                from gonogo.flows.items import items_of  # noqa: PLC0415

                try:
                    self.books = open_books(_request(self.config), also=True)
                    self.items = {item.key: item for item in items_of(self.books)}
                except GonogoError as error:
                    self.error = error
        return self.items

    def look(self) -> None:
        """Send every look of the manifest, once; what cannot be done ends the session with its exit status."""
        if not self.selected:
            return
        from gonogo.flows.ending import ended_by_sigterm  # noqa: PLC0415
        from gonogo.flows.session import look_at, tell  # noqa: PLC0415

        try:
            with ended_by_sigterm(), _no_collector(), _progress(self.config) as watch:
                self.parts, problems = look_at(self.books, tuple(self.items.values()), self.selected, watch)
        except GonogoError as error:
            self.items = {}
            stop(error)
        self.problems += problems
        self.told = tell(self.parts)
        option = self.config.option
        if option.tbstyle == "auto":
            option.tbstyle = "no"  # the board says it once, in full
        reporter = self.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None and option.reportchars == "fE":
            reporter.reportchars = ""


STATE = pytest.StashKey[State]()


def key_of(nodeid: str) -> str | None:
    """The item's key in a node id; None for any other test."""
    match = _NODE.search(nodeid)
    return match["key"] if match else None


def stop(error: GonogoError) -> NoReturn:
    """End the session with one line and the error's exit status."""
    if error.exit_status is ExitStatus.CONFIGURATION:
        raise pytest.UsageError(str(error))
    pytest.exit(str(error), returncode=int(error.exit_status))


def _request(config: pytest.Config) -> Request:
    from gonogo.flows.book import DEFAULT_ENVIRONMENT, Request  # noqa: PLC0415

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


@contextmanager
def _no_collector() -> Iterator[None]:
    """Modules, checklists and evidence are made here and stay until the end: there is no garbage to look for,
    and what was made need not be walked again and again.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if collecting:
            gc.enable()


@contextmanager
def _progress(config: pytest.Config) -> Iterator[Any]:
    from gonogo.reporting.terminal import Progress, ProgressPart  # noqa: PLC0415

    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or config.option.verbose < 0:
        yield None
        return
    shown: list[Progress] = []
    lock = Lock()

    def watch(total: int, name: str) -> ProgressPart:
        with lock:
            if not shown:
                reporter.ensure_newline()
                shown.append(Progress(reporter._tw._file))  # noqa: SLF001 - the stream that pytest writes to
        return shown[0].part(name, total)

    try:
        yield watch
    finally:
        for progress in shown:
            progress.close()
