"""The checklists of this repository, with the real registries."""

from __future__ import annotations

import json
from pathlib import Path

import jmespath
import pytest
from jsonschema import Draft202012Validator

from gonogo.config.checklist import check_against, check_from_raw, load_checklists
from gonogo.config.environment import environment_names, load_environment
from gonogo.config.parse import read_file
from gonogo.config.schema import schema_of
from gonogo.config.tree import to_plain
from gonogo.judges import JUDGES
from gonogo.model.check import Check
from gonogo.probes import PROBES

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def checks() -> tuple[Check, ...]:
    return load_checklists(REPOSITORY / "checks", PROBES, JUDGES, check_expression=jmespath.compile)


@pytest.mark.parametrize("name", environment_names(REPOSITORY / "environments"))
def test_every_environment_has_what_the_checks_of_its_system_name(checks: tuple[Check, ...], name: str) -> None:
    """Sides, back ends and objectives; so a run never finds out half-way."""
    environment = load_environment(name, REPOSITORY / "environments")
    mine = [check for check in checks if check.system == environment.system]
    assert len(check_against(environment, mine, PROBES, JUDGES)) == len(mine) > 0


def test_every_check_comes_back_from_plan_json(checks: tuple[Check, ...]) -> None:
    """Judging again needs no checklist file."""
    for check in checks:
        assert check_from_raw(json.loads(json.dumps(check.raw)), PROBES, JUDGES) == check


@pytest.mark.parametrize("path", sorted((REPOSITORY / "checks").rglob("*.yaml")), ids=lambda path: path.stem)
def test_every_checklist_passes_its_schema(path: Path) -> None:
    """An editor shows no error where the loader has none."""
    validator = Draft202012Validator(schema_of("checklist", PROBES, JUDGES))
    assert [error.message for error in validator.iter_errors(to_plain(read_file(path, path.name)))] == []
