"""A judged run into the board that a terminal shows, and progress while probes are out."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, TextIO

from gonogo.model.run import Run
from gonogo.model.verdict import Blame, Decision, Verdict
from gonogo.reporting.escape import ci_log, visible
from gonogo.reporting.view import AT_MOST_DETAILS, AreaView, Row, View, view
from gonogo.reporting.width import clip, pad, wrap

_COLOURS = {"PASS": "32", "FAIL": "31;1", "HOLD": "33;1", "GO": "32;1", "NO-GO": "31;1", "bold": "1", "dim": "2"}
_INDENT = 8
_ID_COLUMNS = 28
_AT_MOST_REASONS = 5
_WIDEST = 140
_EVERY_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """What the board is written on. `columns` None: no terminal, lines are never broken and never coloured."""

    columns: int | None = None
    colour: bool = False

    def ink(self, text: str, name: str) -> str:
        """`text` in the colour of this name, where there is colour."""
        return f"\x1b[{_COLOURS[name]}m{text}\x1b[0m" if self.colour else text

    def block(self, label: str, text: str) -> Iterator[str]:
        """A labelled text, its further lines hanging under the first."""
        safe = _safe(text)
        room = None if self.columns is None else max(20, self.columns - _INDENT - len(label) - 1)
        first, *rest = [safe] if room is None else wrap(safe, room)
        yield " " * _INDENT + self.ink(label, "dim") + " " + first
        for line in rest:
            yield " " * (_INDENT + len(label) + 1) + line


def paper_of(stream: TextIO) -> Paper:
    """Width and colour for this stream; NO_COLOR, FORCE_COLOR, TERM=dumb and COLUMNS are honoured."""
    terminal = is_terminal(stream)
    forced = bool(os.environ.get("FORCE_COLOR"))
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    columns = min(_WIDEST, shutil.get_terminal_size().columns) if terminal else None
    return Paper(columns=columns, colour=not plain and (forced or terminal))


def is_terminal(stream: TextIO) -> bool:
    """True where somebody watches; never raises, also on a closed stream."""
    try:
        return stream.isatty()
    except (ValueError, AttributeError):
        return False


def board(run: Run, *, paper: Paper | None = None, verbose: bool = False, language: str = "en") -> str:
    """The board as text that ends with a newline: areas, what is open and what to do next, and the decision last."""
    paper = paper or Paper()
    seen = view(run, language)
    lines = [paper.ink("gonogo", "bold") + "  " + _safe(seen.headline), ""]
    for area in seen.areas:
        lines += _area(area, paper, verbose=verbose)
    if seen.not_due:
        lines.append(paper.ink("not due yet", "dim"))
        lines += [f"  {pad(at, 6)}{one}" for one, at in seen.not_due]
        lines.append("")
    if seen.not_asked:
        lines += [f"{paper.ink('not asked for:', 'dim')} {_safe(seen.not_asked)}", ""]
    lines += _decision(seen, paper)
    return "\n".join(lines) + "\n"


def closing(runs: Sequence[Run], *, paper: Paper | None = None) -> str:
    """One line over the decisions of several runs, the worst first; empty for a single run, which has said it."""
    if len(runs) < 2:
        return ""
    paper = paper or Paper()
    worst = max((run.gated.decision for run in runs), key=(Decision.GO, Decision.HOLD, Decision.NO_GO).index)
    named = [run.plan.environment.name for run in runs]
    each = ", ".join(
        f"{_safe(name)}{_phases(run) * (named.count(name) > 1)}"
        f" {paper.ink(run.gated.decision.value, run.gated.decision.value)}"
        for name, run in zip(named, runs, strict=True)
    )
    return f"{paper.ink(worst.value, worst.value)}  in all: {each}"


def _phases(run: Run) -> str:
    return f" ({_safe(' and '.join(run.plan.phases))})"


def write(stream: TextIO, text: str) -> None:
    """`text` to a stream of any encoding; a reader that has gone away is no error."""
    try:
        try:
            stream.write(text)
        except UnicodeEncodeError as error:
            stream.write(text.encode(error.encoding, "backslashreplace").decode(error.encoding))
        stream.flush()
    except (BrokenPipeError, ValueError, OSError):
        return


def _safe(text: str) -> str:
    return ci_log(visible(text))


def _area(area: AreaView, paper: Paper, *, verbose: bool) -> list[str]:
    whole = area.passed == len(area.rows)
    figure = paper.ink(f"{area.percent:>3} %", "PASS" if whole else "bold")
    lines = [
        paper.ink(pad(area.area.value.upper(), 12), "bold") + f"{figure}  {area.passed} of {len(area.rows)} passed"
    ]
    for row in area.rows:
        if row.verdict is Verdict.PASS and not verbose and row.waiver is None:
            continue
        lines += _row(row, paper)
    return [*lines, ""]


def _row(row: Row, paper: Paper) -> Iterator[str]:
    marks = f" [{_safe('; '.join(row.marks))}]" if row.marks else ""
    head = f"{pad(row.id, _ID_COLUMNS)} {_safe(row.title)}{marks}"
    if paper.columns is not None:
        head = clip(head, paper.columns - _INDENT)
    yield f"  {paper.ink(row.word, row.word)}  {head}"
    if row.verdict is Verdict.PASS or not row.ran:
        return
    yield from paper.block("why ", row.reason)
    yield from _listed(row.beside, paper)
    if row.sources:
        yield from paper.block("saw ", row.saw)
    if row.waits_for:
        yield from paper.block("wait", row.waits_for)
    if row.blame is None:
        yield from paper.block("next", f"{row.next_step} (owner: {row.owner})")


def _listed(lines: Sequence[str], paper: Paper) -> Iterator[str]:
    """The first of them, and how many there are more."""
    for line in lines[:AT_MOST_DETAILS]:
        yield from paper.block("   -", line)
    if len(lines) > AT_MOST_DETAILS:
        yield from paper.block("   -", f"and {len(lines) - AT_MOST_DETAILS} more in verdict.json")


def _blame(row: Row, blame: Blame, paper: Paper) -> Iterator[str]:
    """Right above the decision, where eyes are: one cause, its evidence, the next step."""
    head = "LIKELY CAUSE" if blame.name is not None else "NO CAUSE NAMED"
    yield f"{paper.ink(head, 'FAIL')}  {_safe(blame.name or row.id)}"
    yield from paper.block("what", blame.says)
    yield from _listed(blame.evidence, paper)
    yield from paper.block("next", f"{blame.next_step} (owner: {row.owner}, item {row.id})")
    yield ""


def _decision(seen: View, paper: Paper) -> list[str]:
    run = seen.run
    decision = run.gated.decision
    lines = [line for row, blame in seen.blames for line in _blame(row, blame, paper)]
    lines += [line for text in seen.shared for line in paper.block("root", text)]
    lines += [line for text in run.notes for line in paper.block("note", text)]
    if decision is not Decision.GO:
        reasons = seen.other_reasons
        for reason in reasons[:_AT_MOST_REASONS]:
            lines += paper.block("why ", reason)
        if len(reasons) > _AT_MOST_REASONS:
            lines += paper.block("    ", f"and {len(reasons) - _AT_MOST_REASONS} more in verdict.json")
    where = f"  ({_safe(str(run.folder))})" if run.folder is not None else ""
    return [*lines, f"{paper.ink(decision.value, decision.value)}  {seen.sentence}{where}"]


class Progress:
    """How far the looking is: one live line on a terminal, else a plain line now and then. Threads may share it."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._live = is_terminal(self._stream) and os.environ.get("TERM") != "dumb"
        self._lock = Lock()
        self._parts: list[ProgressPart] = []
        self._said = 0.0

    def part(self, name: str, total: int) -> ProgressPart:
        """`total` looks at the environment of this name are about to be sent."""
        with self._lock:
            part = ProgressPart(self._step, name, total)
            self._parts.append(part)
            self._said = time.monotonic()
            self._say(f"looking at {name}: {total} probes")
        return part

    def close(self) -> None:
        """All looks have ended, or the run was interrupted: the live line goes away, a plain one says so."""
        with self._lock:
            if self._live:
                write(self._stream, "\r\x1b[2K")
            else:
                self._say(f"looking: {self._whole()} done")

    def _step(self, part: ProgressPart, look: Any) -> None:
        with self._lock:
            part.done += 1
            name = look if isinstance(look, str) else getattr(look, "source", None) or getattr(look, "kind", "")
            if self._live:
                self._say(f"looking: {self._each()}  {visible(str(name))}")
            elif part.done < part.total and time.monotonic() - self._said >= _EVERY_S:
                self._said = time.monotonic()
                self._say(f"looking: {self._each()}")

    def _whole(self) -> str:
        return f"{sum(part.done for part in self._parts)} of {sum(part.total for part in self._parts)}"

    def _each(self) -> str:
        """How far each environment is, where there are several: the slow one has a name."""
        if len(self._parts) == 1:
            return self._whole()
        return ", ".join(f"{part.name} {part.done} of {part.total}" for part in self._parts)

    def _say(self, text: str) -> None:
        if self._live:
            columns = shutil.get_terminal_size().columns
            write(self._stream, "\r\x1b[2K" + clip(text, columns - 1))
        else:
            write(self._stream, ci_log(text) + "\n")


class ProgressPart:
    """The looks at one environment."""

    def __init__(self, step: Callable[[ProgressPart, Any], None], name: str, total: int) -> None:
        self._step = step
        self.name = name
        self.total = total
        self.done = 0

    def on_done(self, look: Any) -> None:
        """One look has ended; `look` is its source, or anything with a `source` or a `kind`."""
        self._step(self, look)
