"""The commands in the items' next steps: whoever is woken at 3 a.m. can type them as they stand."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from gonogo.config.checklist import load_checklists
from gonogo.judges import JUDGES
from gonogo.model.check import Phase
from gonogo.probes import PROBES

ROOT = Path(__file__).resolve().parents[2]
IDS = {check.id for check in load_checklists(ROOT / "checks", PROBES, JUDGES)}
# A command ends where its quotes do, or before a remark in parentheses.
COMMANDS = sorted(
    {
        found.group().rstrip(" .")
        for check in load_checklists(ROOT / "checks", PROBES, JUDGES)
        for found in re.finditer(r"\b(?:gonogo [a-z]|pytest -)[^`();]*", check.remedy)
    }
)


def test_there_are_such_commands() -> None:
    assert len(COMMANDS) >= 7


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
    if verbs == ["signoff"]:
        assert words[2] in IDS
        assert {"--release", "--by", "--until", "--link"} <= set(words)
