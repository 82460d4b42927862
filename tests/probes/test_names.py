"""What a look names at its back end: what the environment lacks is told before anything is sent."""

from __future__ import annotations

import re
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
    says = (
        r"yaml:\d+:\d+: back end postgres: names\.database is missing; did you mean 'databse'\?"
        r" \(names has databse, .*asked for at "
    )
    with pytest.raises(ConfigError, match=says):
        open_books(Request(root=root, environments=(environment,)))


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        ("access_key_id:", "access_key:", "object_store: names.access_key_id is missing beside auth.secret"),
        ("region: us-east-1", "region: US East", "object_store: names.region is missing or no region: 'US East'"),
        ("backups: factory-ai-backups", "backup: factory-ai-backups", "names.backups, a bucket, is missing; did you"),
        ("backups: factory-ai-backups", "backups: Factory_AI", "names.backups is no name of a bucket: 'Factory_AI'"),
        (
            "recovery: production-dr.factory",
            "recvery: production-dr.factory",
            "dns: names.recovery is missing; did you",
        ),
        ("node: factory/scanned", "nod: factory/scanned", "tools: names.node is missing; did you mean 'nod'?"),
        (
            "{address: 'address:redis'",
            "{address: 'address:redis', names: {database: x}",
            "redis: names.database is a number, not 'x'",
        ),
        ("node: factory/scanned", "node: ../../scanned", "'../../scanned' leads out of the project"),
        ("'address:row-counts'", "../../counts.json", "'../../counts.json' leads out of the project"),
        ("{address: 'address:row-counts'}", "{timeout: 5s}", "back end row_counts: the address, a file, is missing"),
        ("postgres, user: gonogo_scratch", "postgres, usr: gonogo_scratch", "scratch: names.user is missing; did you"),
    ],
)
def test_what_a_back_end_lacks_ends_before_the_first_packet(root: Path, right: str, wrong: str, says: str) -> None:
    """One line with the places of the back end and of the item that wants it."""
    file = root / "environments/factory-local.yaml"
    text = file.read_text(encoding="utf-8")
    assert right in text
    line = text[: text.index(right)].count("\n") + 1
    file.write_text(text.replace(right, wrong, 1), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        open_books(Request(root=root, environments=("factory-local",)))
    assert says in str(caught.value)
    assert f"factory-local.yaml:{line}:" in str(caught.value)
    assert "(asked for at " in str(caught.value)


@pytest.mark.parametrize(
    ("file", "right", "wrong"),
    [
        ("environments/factory-base.yaml", "factory/staging.postman_environment.json", "../../x.json"),
        ("checks/factory/predeploy.yaml", "environments/factory/smoke-tests.postman_collection.json", "../x.json"),
    ],
)
def test_a_collection_out_of_the_project_is_not_opened(root: Path, file: str, right: str, wrong: str) -> None:
    """Neither it nor its environment is read to say so."""
    path = root / file
    text = path.read_text(encoding="utf-8")
    assert right in text, text
    path.write_text(text.replace(right, wrong), encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"{re.escape(wrong)}' leads out of the project"):
        open_books(Request(root=root, environments=("factory-local",)))


@pytest.mark.parametrize(
    ("probe", "says"),
    [
        ("{prometheus: {query: up, step: 1m}}", "prometheus: step is for a range"),
        ("{object_store: {bucket: backups, match: '('}}", "object_store: match is no regular expression"),
        (
            "{helm_history: {release: x, values: {tag: db.password}}}",
            "helm_history: values: db.password may hold a sec",
        ),
        ("{kubernetes_pods: {namespace: production, name: a, named: deployments}}", "name and named are two ways"),
    ],
)
def test_options_that_contradict_each_other_are_told_with_their_place(root: Path, probe: str, says: str) -> None:
    """The file, the line and the item."""
    file = root / "checks/factory/daily.yaml"
    text = file.read_text(encoding="utf-8")
    right = "{kubernetes_pods: {namespace: production, named: deployments}}"
    line = text[: text.index(right)].count("\n") + 1
    file.write_text(text.replace(right, probe, 1), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        open_books(Request(root=root, environments=("factory-local",)))
    assert says in str(caught.value)
    assert f"daily.yaml:{line}:" in str(caught.value)
