"""The files of a finished run, to a list of what is wrong with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gonogo.model.errors import ConfigError, ExitStatus
from gonogo.model.run import SCHEMA
from gonogo.model.sealed import is_whole
from gonogo.model.verdict import Decision, Verdict
from gonogo.reporting.files import EVIDENCE, PLAN, VERDICT, file_digest, read_evidence, read_json
from gonogo.reporting.load.document import SCHEMA as LOAD_SCHEMA

LOAD = "load.json"


def verify(folder: Path) -> list[str]:
    """Problems in words, none for a run whose files are whole and belong together."""
    if not folder.is_dir():
        return [f"{folder}: there is no such folder"]
    if (folder / LOAD).exists() and not (folder / PLAN).exists():
        return _load_problems(folder / LOAD)
    problems: list[str] = []
    plan, verdict = _read(folder / PLAN, problems), _read(folder / VERDICT, problems)
    if isinstance(plan, dict):
        problems += read_evidence(folder, str(plan.get("run_id"))).problems
    if isinstance(verdict, dict):
        problems += digest_problems(folder, verdict)
        problems += _contents(verdict)
    if isinstance(plan, dict) and isinstance(verdict, dict):
        if plan.get("run_id") != verdict.get("run_id"):
            problems.append(f"{VERDICT}: it is of run {verdict.get('run_id')}, the plan of run {plan.get('run_id')}")
        judged = [check.get("id") for check in verdict.get("checks", []) if isinstance(check, dict)]
        if judged != plan.get("manifest"):
            problems.append(f"{VERDICT}: its checks are not the manifest of {PLAN}")
    return problems


def _load_problems(path: Path) -> list[str]:
    """Of a load run, which leaves one file that holds the digest of itself."""
    try:
        document = read_json(path)
    except ConfigError as error:
        return [str(error)]
    if not isinstance(document, dict) or document.get("schema") != LOAD_SCHEMA:
        return [f"{LOAD}: not of schema {LOAD_SCHEMA}"]
    return [] if is_whole(document) else [f"{LOAD}: changed after its run (its digest is another)"]


def _read(path: Path, problems: list[str]) -> Any:
    try:
        document = read_json(path)
    except ConfigError as error:
        problems.append(str(error))
        return None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        problems.append(f"{path.name}: not of schema {SCHEMA}")
        return None
    return document


def digest_problems(folder: Path, verdict: dict[str, Any]) -> list[str]:
    """Files that are not those which the verdict was made from."""
    digests = verdict.get("digests")
    if not isinstance(digests, dict):
        return [f"{VERDICT}: it holds no digests"]
    problems = []
    for name in (PLAN, EVIDENCE):
        try:
            found = file_digest(folder / name)
        except OSError:
            continue  # that it is not there has been said
        if digests.get(name) != found:
            problems.append(
                f"{name}: changed after the verdict (SHA-256 {found[:12]}, then {str(digests.get(name))[:12]})"
            )
    return problems


def _contents(verdict: dict[str, Any]) -> list[str]:
    """A decision that its own lines do not carry."""
    try:
        decision = Decision(verdict["decision"])
        status = ExitStatus(verdict["exit_status"])
        worst = [c["id"] for c in verdict["checks"] if c["severity"] == "blocking" and c["verdict"] != Verdict.PASS]
        total = len(verdict["checks"])
    except (KeyError, TypeError, ValueError) as error:
        return [f"{VERDICT}: not a verdict ({type(error).__name__}: {error})"]
    problems = []
    if decision.exit_status is not status:
        problems.append(f"{VERDICT}: {decision} does not go with exit status {int(status)}")
    waived = {c["id"] for c in verdict["checks"] if c.get("waiver")}
    if decision is Decision.GO and (not total or set(worst) - waived):
        problems.append(f"{VERDICT}: GO, though {', '.join(worst) or 'nothing was checked'} did not pass")
    return problems
