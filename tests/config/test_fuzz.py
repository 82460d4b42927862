"""Whatever stands in a file, loading it raises nothing but ConfigError and SafetyRefusal, in one line."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gonogo.config.environment import read_environment
from gonogo.config.parse import parse
from gonogo.config.raw import environment_from_raw, environment_to_raw
from gonogo.config.tree import to_plain
from gonogo.model.errors import ConfigError, SafetyRefusal

FOLDER = Path(__file__).parents[2] / "environments"
SAMPLE = (FOLDER / "local.yaml").read_text(encoding="utf-8").replace("extends: ion-base.yaml", "system: ion")
Registry = Mapping[str, Any]


def refused(load: Callable[[], object]) -> None:
    """Either it loads, or one line says why not."""
    said = ""
    try:
        load()
    except (ConfigError, SafetyRefusal) as error:
        said = str(error)
    assert said.isprintable(), said
    assert len(said) < 3000


@given(st.text())
@example("\ud800")
@example("\x85")
@example("a: '\u2028'")
def test_any_text(text: str) -> None:
    """Arbitrary text is YAML or refused."""
    refused(lambda: to_plain(parse(text, "f.yaml")))
    refused(lambda: read_environment(parse(text, "f.yaml")))


@given(st.text(alphabet="ab:- \n\t[]{},&*!|>'\"#?%@<0.1e\\", max_size=60))
@settings(max_examples=400)
def test_any_text_of_yaml_characters(text: str) -> None:
    """So is text that is made of YAML's own characters."""
    refused(lambda: to_plain(parse(text, "f.yaml")))


@given(st.binary())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes(tmp_path: Path, load: Callable[[Path], Any], data: bytes) -> None:
    """And any bytes, as any kind of file."""
    for kind in ("environment", "checklist", "release", "waivers", "faults"):
        path = tmp_path / f"{kind}.yaml"
        path.write_bytes(data)
        refused(lambda path=path: load(path))


@given(st.data())
@settings(max_examples=300)
def test_a_damaged_environment(data: st.DataObject) -> None:
    """A real file with a part cut out or something put in."""
    at = data.draw(st.integers(0, len(SAMPLE)))
    to = data.draw(st.integers(at, min(len(SAMPLE), at + 40)))
    put = data.draw(
        st.sampled_from(["", "\n", ": ", "- ", "on", "1e3", "null", "[]", "{}", "'", "${X}", "*a", "5%", "-1"])
    )
    refused(lambda: read_environment(parse(SAMPLE[:at] + put + SAMPLE[to:], "f.yaml")))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=8), below, max_size=3),
    max_leaves=8,
)


@given(
    st.fixed_dictionaries(
        {"name": st.just("x") | JSON, "system": st.just("ion") | JSON, "describe": st.just("d") | JSON},
        optional=dict.fromkeys(
            ("sides", "back_ends", "objectives", "guards", "contacts", "rollout", "facts", "names", "start"), JSON
        ),
    )
)
def test_any_values_under_the_right_keys(values: dict[str, Any]) -> None:
    """Flow YAML is JSON: keys that exist with values that make no sense."""
    refused(lambda: read_environment(parse(json.dumps(values), "f.yaml")))


@given(
    st.dictionaries(
        st.text(st.characters(codec="utf-8", categories=("L", "N")), min_size=1, max_size=8),
        st.tuples(st.sampled_from(["below", "at_most", "above", "at_least"]), st.floats(0.001, 0.999)),
        min_size=1,
        max_size=5,
    )
)
def test_an_environment_comes_back_from_json(objectives: dict[str, tuple[str, float]]) -> None:
    """Read, to JSON, read again: the same, origins and all digits too."""
    text = json.dumps(
        {
            "name": "x",
            "system": "ion",
            "describe": "d",
            "objectives": {
                f"o{name}": {how: float(f"{limit:.12f}"), "unit": "ratio"} for name, (how, limit) in objectives.items()
            },
            "back_ends": {"cloud_run": {"timeout": "1.5s", "max_age": "90m"}},
        },
        ensure_ascii=False,
    )
    made = read_environment(parse(text, "f.yaml"))
    assert environment_from_raw(json.loads(json.dumps(environment_to_raw(made)))) == made


@pytest.mark.parametrize("kind", ["environment", "checklist", "release", "waivers", "faults"])
def test_shapes_that_are_wrong_at_the_root(tmp_path: Path, load: Callable[[Path], Any], kind: str) -> None:
    """A text, a number, a list and a mapping of nothing are no files of ours."""
    for text in ("text", "5", "null", "[]", "{}", "[[]]", "[1]", "{a: 1}", "~", "on"):
        path = tmp_path / f"{kind}.yaml"
        path.write_text(text, encoding="utf-8")
        if (kind, text) != ("waivers", "[]"):
            with pytest.raises(ConfigError):
                load(path)
