"""The commands in the items' next steps: whoever is woken at 3 a.m. can type them as they stand."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from gonogo.config.checklist import load_checklists
from gonogo.flows.book import Request, open_books
from gonogo.judges import JUDGES
from gonogo.model.check import Phase
from gonogo.probes import PROBES

ROOT = Path(__file__).resolve().parents[2]
# A command ends where its quotes do, or before a remark in parentheses.
COMMANDS = sorted(
    {
        found.group().rstrip(" .")
        for check in load_checklists(ROOT / "checks", PROBES, JUDGES)
        for found in re.finditer(r"\b(?:gonogo [a-z]|pytest -)[^`();]*", check.remedy)
    }
)


def test_there_are_such_commands() -> None:
    assert len(COMMANDS) >= 5


@pytest.mark.parametrize("command", COMMANDS)
def test_it_names_where_and_what(command: str) -> None:
    """Without --env a gate is of the rehearsal: what it then says is of no incident."""
    words = shlex.split(command)
    assert "--env" in words, command
    if words[0] == "pytest":
        assert words[words.index("-m") + 1] in {phase.value for phase in Phase}
        return
    verbs = words[1 : 3 if words[1] in ("rollout", "recovery", "watch") else 2]
    told = subprocess.run(
        [sys.executable, "-m", "gonogo.cli", *verbs, "--help"],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        check=True,
        timeout=60,
    ).stdout
    known = set(re.findall(r"--[a-z-]+", told))
    assert {word for word in words if word.startswith("--")} <= known
    assert verbs != ["signoff"]  # a rehearsal brings its own: what is not signed says the command where there is one


@pytest.mark.parametrize("name", ["factory-local", "factory-prod", "factory-recovery", "local", "ion-prod"])
def test_what_the_run_knows_stands_in_the_next_step(name: str) -> None:
    """Nobody puts the name of an environment into a command by hand. FILE is asked for where the incident's is not
    known: that of a rehearsal is the rehearsal's own.
    """
    release = ROOT / "environments/rehearsal/factory/release.yaml" if name.startswith("factory") else None
    (book,) = open_books(Request(root=ROOT, environments=(name,), release=release))
    known = {"PING", "OOMKILLED"} | ({"FILE"} if book.environment.start is not None else set())
    for check in book.checks:
        quoted = " ".join(re.findall(r"`([^`]*)`|(gonogo [^(]*)", check.remedy)[0]) if "`" in check.remedy else ""
        assert not re.search(r"--(?:env|yes|release) [A-Z]+\b", check.remedy), check.id
        assert set(re.findall(r"\b[A-Z]{3,}\b", quoted)) <= known, check.id
