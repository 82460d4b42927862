"""The newest recorded watch of an environment, judged again, as a document that a checklist's item can rest on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gonogo.config.reader import read_raw
from gonogo.config.samples import Recorded, read_samples
from gonogo.config.tree import from_plain
from gonogo.flows.book import Book
from gonogo.flows.watch.store import PLAN, PLAN_SCHEMA, SAMPLES, VERDICT, VERDICT_SCHEMA, watch_folder, watches
from gonogo.model.environment import Release
from gonogo.model.errors import ConfigError, Origin
from gonogo.model.evidence import Cause
from gonogo.model.rulebook import Rulebook
from gonogo.model.watch import CanaryVerdict
from gonogo.probes.failure import Failure
from gonogo.reporting.files import file_digest, read_json
from gonogo.reporting.samples import SCHEMA, digest
from gonogo.reporting.watch_view import verdict_to_json

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchesTold:
    """Watches of one book. One that began for this run's own rehearsal does not exist: an earlier one tells nothing."""

    book: Book
    rehearsed: bool = False

    def newest(self) -> Json:
        """{watch, why}: `watch` is null, and `why` says so, where none is of this environment and release.

        Failure for a watch that does not read: an older GO does not stand for what came after it.
        """
        if self.rehearsed:
            return {"watch": None, "why": "what is rehearsed now was not watched before"}
        environment = self.book.environment
        found = watches(watch_folder(self.book.reports, environment.name))
        if not found:
            return {"watch": None, "why": f"no watch of {environment.name} is recorded"}
        try:
            return self._document(found[-1])
        except ConfigError as error:
            raise Failure(Cause.BROKEN, str(error)) from None
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise Failure(Cause.BROKEN, f"watch {found[-1].name}: {type(error).__name__}: {error}") from None

    def _document(self, folder: Path) -> Json:
        plan = _known(folder / PLAN, PLAN_SCHEMA)
        if plan["environment"] != self.book.environment.name:
            raise ConfigError(f"{folder.name}/{PLAN} is of {plan['environment']}, not of {self.book.environment.name}")
        rules = rulebook_of(plan["identity"]["watch"], f"{folder.name}/{PLAN}")
        other = self._other_release(plan["identity"]["release"])
        if other:
            return {"watch": None, "why": f"the newest watch, {folder.name}, is {other}"}
        recorded = _whole(folder / SAMPLES)
        last = _known(folder / VERDICT, VERDICT_SCHEMA) if (folder / VERDICT).exists() else None
        for name in (PLAN, SAMPLES):
            path = folder / name
            if last is not None and path.exists() and last["digests"].get(name) != file_digest(path):
                raise ConfigError(f"{folder.name}/{name} was changed after the watch had ended")
        from gonogo.judges.canary.judge import CanaryJudge  # noqa: PLC0415 - numpy, for those alone that have a watch

        document: Json = {
            "watch": folder.name,
            "why": "",
            "started": plan["started"],
            "until": recorded.samples[-1].until.isoformat() if recorded.samples else None,
            "samples": len(recorded.samples),
            "every_s": rules.every.total_seconds(),
            "for_s": rules.for_.total_seconds(),
            "lag_s": rules.source.lag.total_seconds(),
            "covered_s": sum((one.until - one.since).total_seconds() for one in recorded.samples),
            "notes": list(recorded.notes),
            "other_rules": not self._same(rules),
            "ended": None if last is None else last["ended"],
            "final": None if last is None else {key: last[key] for key in ("decision", "reasons", "early")},
        }
        if not recorded.samples:
            return document | {"verdict": None}
        judge = CanaryJudge(rules)
        *before, last_one = recorded.samples
        for sample in before:
            judge.pass_over(sample)
        return document | {"verdict": told(judge.feed(last_one))}

    def _other_release(self, recorded: Mapping[str, Any] | None) -> str:
        """Of which other release it is; "" if it is of this one."""
        release: Release | None = self.book.release
        if release is None:
            return ""
        if recorded is None:
            return "of no release"
        mine = release.version, release.commit
        theirs = recorded.get("version"), recorded.get("commit")
        return "" if mine == theirs else f"of {theirs[0]} ({str(theirs[1])[:12]})"

    def _same(self, rules: Rulebook) -> bool:
        now = self.book.environment.watch
        if now is None:
            return False
        return all(getattr(rules, name) == getattr(now, name) for name in ("go", "rollback", "margin", "false_alarms"))


def rulebook_of(raw: Any, where: str) -> Rulebook:
    """The rules that a watch was begun with; ConfigError if they do not read."""
    made: Rulebook = read_raw(Rulebook, from_plain(raw, where, Origin(file=where)), "watch")
    return made


def told(verdict: CanaryVerdict) -> Json:
    """A verdict as JSON, each of its rules with its measure."""
    document = verdict_to_json(verdict)
    for state, rule in zip(verdict.rules, document["rules"], strict=True):
        rule["measure"] = state.rule.measure
    return document


def _known(path: Path, schema: str) -> Json:
    document = read_json(path)
    if not isinstance(document, dict) or document.get("schema") != schema:
        raise ConfigError(f"{path.parent.name}/{path.name} is not of schema {schema}")
    return document


def _whole(path: Path) -> Recorded:
    """The samples, if none of them was changed."""
    name = f"{path.parent.name}/{path.name}"
    if not path.exists():
        return Recorded(samples=())
    recorded = read_samples(path, SCHEMA, name)
    before = ""
    for document, given in zip(recorded.documents, recorded.digests, strict=True):
        if given != digest(document, before):
            raise ConfigError(f"{name}: the digest of sample {document['seq']} does not fit: it was changed")
        before = given
    return recorded
