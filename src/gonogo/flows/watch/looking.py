"""The folders of watches into how they stand: status, log, and the word of one that was told to end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from gonogo.flows.watch.lock import Holder, holder
from gonogo.flows.watch.process import end_first
from gonogo.flows.watch.store import LOG, STATUS, VERDICT, read_log, watch_folder, watches
from gonogo.model.errors import ConfigError
from gonogo.model.units import parse_duration
from gonogo.model.verdict import Decision
from gonogo.reporting.escape import visible
from gonogo.reporting.files import read_json
from gonogo.reporting.watch_view import kept_lines

Json = dict[str, Any]
_NOTHING: Json = {"rules": (), "evidence": (), "certificate": (), "gaps": ()}
_CUT_OFF = "cut off: nobody watches now, `gonogo watch start` goes on with it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The newest watch of an environment. `by` watches now; nobody does where it is None."""

    environment: str
    folder: Path
    decision: Decision
    ended: bool
    by: Holder | None
    status: Json

    @property
    def word(self) -> str:
        """One line: who, since when, what."""
        at = f"sample {self.status.get('seq', 0)}"
        state = "ended" if self.ended else f"watched by {self.by}" if self.by else _CUT_OFF
        return f"{self.environment}: {self.decision.value} at {at}; {state}; {self.folder}"

    @property
    def until(self) -> str | None:
        """One line on the time that is left; None for a watch that has ended, or has not said it yet."""
        if self.ended or "ends" not in self.status:
            return None
        ends = datetime.fromisoformat(self.status["ends"])
        decidable = (self.status.get("last") or {}).get("decidable_at")
        late = decidable is not None and datetime.fromisoformat(decidable) > ends
        begun = f"until {ends:%Y-%m-%d %H:%M} UTC, {self.status['covered']:.0%} of the time is seen"
        looked = f"; last looked at {self.status['at'][:19]}Z" if "at" in self.status else ""
        return begun + looked + ("; at the present traffic that is too short for a GO" if late else "")


def acted(folder: Path) -> list[str]:
    """What a watch did on NO-GO, as its log tells it: the rollback, or why there was none."""
    if not (folder / LOG).exists():
        return []
    return [f"{one['at'][:19]}Z  {one['text']}" for one in read_log(folder) if one.get("kind") == "action"]


def rests_on(folder: Path, last: Json | None) -> list[str]:
    """Lines of what a watch rests on, why it ended as it did, and what it did then. `last` as in its status."""
    if (folder / VERDICT).exists():
        reasons = read_json(folder / VERDICT).get("reasons", ())
        last = {**(last or _NOTHING), "reasons": reasons, "decidable_at": None}
    return [*(kept_lines(last) if last else ()), *(f"did:      {visible(line)}" for line in acted(folder))]


def environments(reports: Path) -> list[str]:
    """Environments that were ever watched."""
    return sorted(path.name.removeprefix("watch-") for path in reports.glob("watch-*") if watches(path))


def standing(reports: Path, environment: str) -> Standing:
    """How the newest watch stands; ConfigError where there is none."""
    base = watch_folder(reports, environment)
    found = watches(base)
    if not found:
        known = ", ".join(environments(reports)) or "none"
        raise ConfigError(f"{environment} was never watched (watched: {known})")
    folder = found[-1]
    ended = (folder / VERDICT).exists()
    status = read_json(folder / STATUS) if (folder / STATUS).exists() else {}
    said = read_json(folder / VERDICT) if ended else status
    try:
        decision = Decision(said.get("decision", Decision.HOLD.value))
    except (ValueError, AttributeError):
        raise ConfigError(f"{folder}: what is kept there is no word of a watch") from None
    if not ended and decision is Decision.GO:
        decision = Decision.HOLD
    return Standing(
        environment=environment, folder=folder, decision=decision, ended=ended, by=holder(base), status=status
    )


def stop(reports: Path, environment: str) -> Standing:
    """End the watch that runs; ConfigError where none does."""
    standing(reports, environment)
    if end_first(watch_folder(reports, environment)) is None:
        raise ConfigError(f"nobody watches {environment} now")
    return standing(reports, environment)


def log(folder: Path, last: int | None, since: datetime | None = None, until: datetime | None = None) -> Sequence[str]:
    """Lines of what happened from `since` to `until`, the newest last; ConfigError for a `last` below 1."""
    if last is not None and last < 1:
        raise ConfigError(f"--tail is 1 or more, not {last}")
    if since is not None and until is not None and since > until:
        raise ConfigError("--since is after --until: no time lies between them")
    entries = (
        [entry for entry in read_log(folder) if entry.get("state") != "posting"] if (folder / LOG).exists() else []
    )
    entries = [entry for entry in entries if _within(datetime.fromisoformat(entry["at"]), since, until)]
    return [f"{entry['at'][:19]}Z  {entry['kind']:<8}  {_text(entry)}" for entry in entries[-(last or len(entries)) :]]


def moment(option: str, text: str | None, now: datetime) -> datetime | None:
    """A duration before `now`, or a time with its offset; ConfigError for anything else."""
    if text is None:
        return None
    try:
        return now - parse_duration(text)
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"{option} {text!r}: write a duration like 2h, or a time like 2026-12-01T09:00Z") from None
    if at.tzinfo is None:
        raise ConfigError(f"{option} {text!r} has no offset from UTC; write it like 2026-12-01T09:00Z")
    return at


def _within(at: datetime, since: datetime | None, until: datetime | None) -> bool:
    return (since is None or at >= since) and (until is None or at <= until)


def _text(entry: Json) -> str:
    state = f" [{entry['state']} to {entry['to']}]" if "state" in entry else ""
    return f"{entry['text']}{state}"
