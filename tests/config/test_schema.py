"""JSON Schemas accept what the loader accepts and refuse what a schema can know."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from gonogo.config.environment import environment_names, load_environment
from gonogo.config.parse import read_file
from gonogo.config.schema import NAMES, json_schema, schema_of
from gonogo.config.tree import to_plain
from gonogo.model.errors import ConfigError
from gonogo.model.verdict import Waiver

REPOSITORY = Path(__file__).parents[2]
INVALID = sorted((Path(__file__).parent / "invalid").glob("*.yaml"))
Registry = Mapping[str, Any]

# Valid as far as a schema sees: what relates two values, or a value and another file.
BEYOND_A_SCHEMA = {
    "checklist-eventually",
    "checklist-missing-owner",
    "checklist-probe-name",
    "environment-address-without-start",
    "environment-header",
    "environment-name",
    "environment-port",
    "environment-query",
    "environment-watch-alert-window",
    "environment-watch-go-samples",
    "environment-watch-level",
    "environment-watch-longer-than-watch",
    "environment-watch-measure",
    "environment-watch-never",
    "environment-watch-no-go",
    "environment-watch-odd-window",
    "environment-watch-short-window",
    "row62-checklist-back-end",
    "row62-checklist-expression",
    "row62-checklist-objective",
    "row62-checklist-side",
    "row62-environment-rollback-name",
    "row62-environment-scene",
    "row63-checklist-id",
    "row64-checklist-at",
    "row64-checklist-exponent",
    "row64-environment-stages",
    "row64-environment-unquoted-date",
    "row64-environment-unquoted-no",
    "row65-environment-never",
    "row65-environment-timeout",
    "row66-checklist-no-probe",
    "row69-environment-no-secret",
    "row69-environment-placeholder",
    "row70-environment-aws-side",
    "row70-environment-password-in-names",
    "row70-environment-token-in-facts",
    "row72-environment-same-url",
    "row73-environment-host-url",
    "row73-environment-http-back-end",
    "row73-environment-http-live",
    "row73-environment-plaintext",
}


def kind_of(path: Path) -> str:
    return next(part for part in path.stem.split("-") if not part.startswith("row"))


def errors(schema: Mapping[str, Any], path: Path) -> list[str]:
    return [error.message for error in Draft202012Validator(schema).iter_errors(to_plain(read_file(path, path.name)))]


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_a_schema(name: str, probes: Registry, judges: Registry) -> None:
    """Draft 2020-12 itself says so."""
    schema = schema_of(name, probes, judges)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_an_unknown_schema_is_refused(probes: Registry, judges: Registry) -> None:
    """With the nearest name."""
    with pytest.raises(ConfigError, match="there is no schema 'releas'; did you mean 'release'"):
        schema_of("releas", probes, judges)


@pytest.mark.parametrize("path", sorted((REPOSITORY / "environments").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_environments_of_this_repository_pass(path: Path, probes: Registry, judges: Registry) -> None:
    """Bases and extending files, too, which give a part only."""
    assert errors(schema_of("environment", probes, judges), path) == []
    if path.stem in environment_names(path.parent):
        assert load_environment(path.stem, path.parent).name == path.stem


def test_a_good_checklist_and_release_pass(tmp_path: Path, probes: Registry, judges: Registry) -> None:
    """What the loader reads is right for the schema."""
    checklist = tmp_path / "c.yaml"
    checklist.write_text(
        "system: ion\nphase: daily\ndefaults: {area: team, owner: ops, source: runbook}\nitems:\n"
        "  - {id: a, title: {en: A}, remedy: r, probe: {http: {side: s, every: 1s}}, pass: [{expect: {value: v}}]}\n"
        "  - {id: b, title: {en: B, ko: 나}, remedy: r, mode: signoff}\n",
        encoding="utf-8",
    )
    assert errors(schema_of("checklist", probes, judges), checklist) == []
    release = REPOSITORY / "environments" / "rehearsal" / "release.yaml"
    assert errors(schema_of("release", probes, judges), release) == []


def parsed() -> list[Path]:
    made = []
    for path in INVALID:
        if kind_of(path) in NAMES:
            try:
                read_file(path, path.name)
            except ConfigError:
                continue  # no YAML for an editor either
            made.append(path)
    return made


@pytest.mark.parametrize("path", parsed(), ids=lambda path: path.stem)
def test_a_bad_file_is_bad_for_its_schema_where_a_schema_can_know(
    path: Path, probes: Registry, judges: Registry
) -> None:
    """Every bad file that is YAML fails its schema, but for those that are listed as beyond it."""
    found = errors(schema_of(kind_of(path), probes, judges), path)
    assert bool(found) == (path.stem not in BEYOND_A_SCHEMA), found


def test_the_list_of_what_a_schema_cannot_know_names_files_only() -> None:
    """It does not outlive the files."""
    assert {path.stem for path in parsed()} >= BEYOND_A_SCHEMA


def test_any_dataclass_has_a_schema() -> None:
    """Waivers have no file schema of their own and still one of their class."""
    schema = json_schema(Waiver)
    assert schema["$defs"]["Waiver"]["required"] == ["id", "environment", "release", "owner", "reason", "until"]
    with pytest.raises(TypeError, match="no schema"):
        json_schema(bytes)
