"""A watch in a terminal: a picture that is drawn again every second; plain lines where there is none."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from gonogo.flows.watch.looking import Standing
    from gonogo.flows.watch.loop import Watch

Say = Callable[[str], None]


@contextmanager
def shown(say: Say) -> Iterator[Callable[[Watch], None]]:
    """Whoever looks on at a watch in the foreground."""
    from gonogo.reporting.terminal import is_terminal  # noqa: PLC0415

    if not is_terminal(sys.stdout):
        yield _lines(say)
        return
    from gonogo.flows.watch.looking import acted  # noqa: PLC0415
    from gonogo.flows.watch.series import series  # noqa: PLC0415
    from gonogo.reporting.escape import visible  # noqa: PLC0415

    state: dict[str, Any] = {}
    with _live(lambda: (state.get("status"), state.get("series", {}))) as refresh:

        def show(watch: Watch) -> None:
            state.update(status=watch.status(), series=series(watch.samples[-60:]), folder=watch.store.folder)
            refresh()

        yield show
    if "folder" in state and state["status"]["ended"]:
        lines = [f"did:      {visible(line)}" for line in acted(state["folder"])]
        say("\n".join([*lines, f"the watch ended with {state['status']['decision']}; {state['folder']}"]) + "\n")


def follow(folder: Path, say: Say, look: Callable[[], Standing]) -> None:
    """The watch of a folder until it has ended or nobody watches; `look` says how it stands."""
    from gonogo.flows.watch.series import newest, series  # noqa: PLC0415
    from gonogo.flows.watch.store import STATUS  # noqa: PLC0415
    from gonogo.model.errors import GonogoError  # noqa: PLC0415
    from gonogo.reporting.files import read_json  # noqa: PLC0415
    from gonogo.reporting.terminal import is_terminal  # noqa: PLC0415

    if not is_terminal(sys.stdout):
        told = ""
        while True:
            one = look()
            if one.word != told:
                say(one.word + "\n")
                told = one.word
            if one.ended or one.by is None:
                return
            time.sleep(1)

    def picture() -> tuple[Any, Any]:
        try:
            return read_json(folder / STATUS), series(newest(folder))
        except GonogoError:
            return None, {}

    with _live(picture):
        while not (one := look()).ended and one.by is not None:
            time.sleep(1)


@contextmanager
def _live(picture: Callable[[], tuple[Any, Any]]) -> Iterator[Callable[[], None]]:
    from rich.live import Live  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    from gonogo.reporting.watch_live import frame  # noqa: PLC0415

    def draw() -> Any:
        status, values = picture()
        return Text("begins") if status is None else frame(status, values, datetime.now(UTC))

    with Live(get_renderable=draw, refresh_per_second=1, transient=False) as live:
        yield live.refresh


def _lines(say: Say) -> Callable[[Watch], None]:
    """A line a sample, and all that the decision rests on at the end."""
    from gonogo.flows.watch.looking import rests_on  # noqa: PLC0415
    from gonogo.reporting.escape import ci_log, visible  # noqa: PLC0415

    told = [-1]

    def show(watch: Watch) -> None:
        status = watch.status()
        if status["ended"]:
            lines = rests_on(watch.store.folder, status["last"])
            say(ci_log("\n".join([*lines, f"the watch ended with {status['decision']}; {watch.store.folder}"])) + "\n")
        elif status["seq"] != told[0]:
            told[0] = status["seq"]
            last = status["last"]
            reasons = ("no sample yet",) if last is None else last["reasons"] or ("all is proven so far",)
            said = f"{status['at'][:19]}Z  sample {status['seq']}  {status['decision']} so far: {reasons[0]}"
            say(ci_log(visible(said)) + "\n")

    return show
