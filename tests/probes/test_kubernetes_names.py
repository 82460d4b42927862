"""Namespaces and lists that looks at a cluster name: what the environment lacks is told before anything is sent."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gonogo.flows.book import Request, open_books
from gonogo.model.errors import ConfigError

ROOT = Path(__file__).parents[2]


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
def test_a_misspelt_name_ends_before_the_first_packet(tmp_path: Path, right: str, wrong: str, says: str) -> None:
    """With the item's file and line; also where nothing of its phase is selected."""
    for name in ("checks", "environments"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "*cache*"))
    file = tmp_path / "checks/factory/daily.yaml"
    text = file.read_text(encoding="utf-8")
    assert right in text
    line = text[: text.index(right)].count("\n") + 1
    file.write_text(text.replace(right, wrong, 1), encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"{says}.*\(asked for at .*factory/daily\.yaml:{line}\b"):
        open_books(Request(root=tmp_path, environments=("factory-local",)))
