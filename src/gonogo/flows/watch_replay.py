"""Recorded samples into the decision that a watch would have come to, sample by sample; nothing is sent."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gonogo.config.environment import load_environment
from gonogo.config.parse import read_file
from gonogo.config.reader import read
from gonogo.config.rules import check_rulebook
from gonogo.config.samples import read_samples
from gonogo.config.tree import shown
from gonogo.judges.canary.judge import CanaryJudge
from gonogo.model.errors import ConfigError, ExitStatus, Origin
from gonogo.model.rulebook import Rulebook
from gonogo.model.watch import CanaryVerdict
from gonogo.reporting.samples import SCHEMA, digest
from gonogo.reporting.watch_view import change_lines, verdict_lines, verdict_to_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """`changes` are the verdicts at which the decision became another one, the first sample's among them."""

    changes: tuple[CanaryVerdict, ...]
    last: CanaryVerdict
    notes: tuple[str, ...] = ()

    @property
    def status(self) -> ExitStatus:
        """The decision after the last sample."""
        return self.last.decision.exit_status


def replay(samples: Path, *, rules: Path | None, environment: str | None, root: Path) -> Replayed:
    """Judge recorded samples; ConfigError for rules or samples that do not read, or a chain of digests that broke."""
    book = rulebook(rules, environment, root)
    recorded = read_samples(samples, SCHEMA)
    if not recorded.samples:
        raise ConfigError(f"{samples} holds no sample")
    before = ""
    for document, given in zip(recorded.documents, recorded.digests, strict=True):
        if given and given != digest(document, before):
            at = Origin(file=str(samples), line=document["seq"])
            raise ConfigError(
                "the digest does not fit: this line or one before it was changed after it was written", at
            )
        before = given
    judge = CanaryJudge(book)
    changes: list[CanaryVerdict] = []
    for sample in recorded.samples:
        verdict = judge.feed(sample)
        if not changes or verdict.decision is not changes[-1].decision:
            changes.append(verdict)
    return Replayed(changes=tuple(changes), last=verdict, notes=recorded.notes)


def rulebook(rules: Path | None, environment: str | None, root: Path) -> Rulebook:
    """The rules of a file of their own (the keys of `watch`), or of an environment; ConfigError without either."""
    if rules is not None:
        tree = read_file(rules, shown(rules, root))
        made = read(Rulebook, tree, "")
        check_rulebook(made, lambda *_: tree.origin)
        return made
    if environment is None:
        raise ConfigError("name the rules: --rules FILE, or --env NAME for those of an environment")
    found = load_environment(environment, root / "environments", root=root)
    if found.watch is None:
        raise ConfigError(f"{environment} has no `watch`: its rules are not written", found.origin)
    return found.watch


def page(replayed: Replayed) -> str:
    """For people: when the decision changed, and what the last one rests on."""
    lines = [*replayed.notes, *change_lines(replayed.changes), "", *verdict_lines(replayed.last)]
    return "\n".join(lines) + "\n"


def document(replayed: Replayed) -> str:
    """The same as JSON."""
    made: dict[str, Any] = {
        "decision": replayed.last.decision.value,
        "exit_status": int(replayed.status),
        "notes": list(replayed.notes),
        "changes": [
            {"seq": one.seq, "at": one.at.isoformat(), "decision": one.decision.value, "reasons": list(one.reasons)}
            for one in replayed.changes
        ],
        "last": verdict_to_json(replayed.last),
    }
    return json.dumps(made, ensure_ascii=False, indent=1) + "\n"
