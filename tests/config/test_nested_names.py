"""Objectives and expressions inside the options of options are held against the environment and the language, too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gonogo.config.checklist import check_against, load_checklists
from gonogo.judges import JUDGES
from gonogo.judges.expression import check_syntax
from gonogo.model.check import Check
from gonogo.model.environment import Environment, Objective, Side
from gonogo.model.errors import ConfigError
from gonogo.model.units import Unit
from gonogo.probes import PROBES

_ITEM = """
system: shop
phase: incident
items:
  - id: one
    title: {{en: One}}
    area: technical
    owner: ops
    source: runbook
    remedy: look
    probe: {{http: {{side: stable}}}}
    pass:
      - likely_cause:
          playbook: shop
          playbooks:
            - name: shop
              trouble: [{{when: '{when}', says: bad}}]
          causes:
            - {{name: slow, playbook: shop, says: slow, symptoms: [{symptom}], next: wait}}
"""
_SLOW = "{value: elapsed_ms, breaks: p95, says: slow}"


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., tuple[Check, ...]]:
    """The checks of a checklist with this trouble and this symptom."""

    def one(when: str = "status == `500`", symptom: str = _SLOW) -> tuple[Check, ...]:
        path = tmp_path / "incident.yaml"
        path.write_text(_ITEM.format(when=when, symptom=symptom), encoding="utf-8")
        return load_checklists(path, PROBES, JUDGES, root=tmp_path, check_expression=check_syntax)

    return one


def _environment(*objectives: str) -> Environment:
    named = {name: Objective(unit=Unit.MS, at_most=10) for name in objectives}
    return Environment(name="e", system="shop", describe="", sides={"stable": Side(url="http://x")}, objectives=named)


def test_what_is_right_is_read(load: Callable[..., tuple[Check, ...]]) -> None:
    """Symptoms of playbooks and causes with known names and a right syntax."""
    assert len(check_against(_environment("p95"), load(), PROBES, JUDGES)) == 1


def test_an_objective_that_is_not_there(load: Callable[..., tuple[Check, ...]]) -> None:
    """The symptom of a cause names an objective of the environment, or the run does not begin."""
    with pytest.raises(ConfigError, match=r"item one names the objective 'p95', which environment e does not have"):
        check_against(_environment("p90"), load(), PROBES, JUDGES)


@pytest.mark.parametrize("where", ["when", "symptom"])
def test_an_expression_that_is_none(load: Callable[..., tuple[Check, ...]], where: str) -> None:
    """The syntax of a symptom is looked at with all others, before anything is sent."""
    given = {"when": "status == ="} if where == "when" else {"symptom": "{when: 'a[', says: slow}"}
    with pytest.raises(ConfigError, match=r"incident.yaml:\d+:\d+: item one: .* is no expression"):
        load(**given)


def test_a_cause_that_follows_from_none(load: Callable[..., tuple[Check, ...]]) -> None:
    """A name that is no cause is found when the file is read, with its line."""
    symptom = _SLOW + "], instead_of: [fast"
    with pytest.raises(ConfigError, match=r"incident.yaml:\d+:\d+: .*stands instead of fast, which is no cause"):
        load(symptom=symptom)
