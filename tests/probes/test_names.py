"""What a look names at its back end: what the environment lacks is told before anything is sent."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gonogo.flows.book import Request, open_books
from gonogo.model.errors import ConfigError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The project's checks and environments, to be broken."""
    for name in ("checks", "environments"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "*cache*"))
    return tmp_path


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        (
            "{namespace: production, named: deployments}",
            "{namespace: prodution, named: deployments}",
            r"names\.prodution, a namespace, is missing; did you mean 'production'\?",
        ),
        (
            "{namespace: production, named: deployments}",
            "{namespace: production, named: deployment}",
            r"names\.deployment, a list, is missing",
        ),
    ],
)
def test_a_misspelt_name_ends_before_the_first_packet(root: Path, right: str, wrong: str, says: str) -> None:
    """With the item's file and line; also where nothing of its phase is selected."""
    file = root / "checks/factory/daily.yaml"
    text = file.read_text(encoding="utf-8")
    assert right in text
    line = text[: text.index(right)].count("\n") + 1
    file.write_text(text.replace(right, wrong, 1), encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"{says}.*\(asked for at .*factory/daily\.yaml:{line}\b"):
        open_books(Request(root=root, environments=("factory-local",)))


@pytest.mark.parametrize("environment", ["local", "factory-local"])
def test_a_database_without_its_name_ends_before_the_first_packet(root: Path, environment: str) -> None:
    """A misspelt key of the back end, by the keys that it has instead."""
    file = root / f"environments/{environment}.yaml"
    text = file.read_text(encoding="utf-8")
    assert "names: {database:" in text
    file.write_text(text.replace("names: {database:", "names: {databse:"), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"postgres: names\.database is missing \(names has databse, .*asked for at "):
        open_books(Request(root=root, environments=(environment,)))
