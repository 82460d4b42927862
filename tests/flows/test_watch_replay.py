"""A recorded watch gives the same decision at the same sample; what does not read is refused with its line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from tests.canary_sim import MINUTE, RULEBOOK, START, World, watch

from gonogo.cli import main
from gonogo.config.samples import read_samples
from gonogo.flows.watch_replay import replay
from gonogo.judges.canary.judge import CanaryJudge
from gonogo.model.errors import ConfigError
from gonogo.model.watch import Bucket, Sample, SideSample
from gonogo.reporting.samples import SCHEMA, digest, sample_line, samples_schema

ROOT = Path(__file__).parents[2]
RULES = """\
go: [error_ratio <= 0.005, p95_latency <= 200 ms, memory <= 0.85, cpu <= 0.8]
rollback:
  - error_ratio > 0.01 for 3 samples with at least 100 requests
  - p95_latency > 500 ms for 3 samples
  - memory > 0.85 for 2 samples
"""


def record(path: Path, samples: Iterable[Sample]) -> Path:
    before, lines = "", []
    for sample in samples:
        lines.append(sample_line(sample, before))
        before = json.loads(lines[-1])["digest"]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(RULES, encoding="utf-8")
    return path


def test_yesterdays_watch_gives_yesterdays_decision_at_the_same_sample(tmp_path: Path, rules: Path) -> None:
    samples = list(watch(1, 120, World(errors=0.02), onset=100))
    judge = CanaryJudge(RULEBOOK)
    live = [judge.feed(sample) for sample in samples]
    replayed = replay(record(tmp_path / "s.jsonl", samples), rules=rules, environment=None, root=ROOT)
    assert replayed.last == live[-1]
    assert [one.seq for one in replayed.changes] == [
        one.seq for n, one in enumerate(live) if n == 0 or one.decision is not live[n - 1].decision
    ]
    assert replayed.last.decision == "NO-GO"


def test_the_command_prints_the_decision_last_and_its_status_is_the_decision(
    tmp_path: Path, rules: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = record(tmp_path / "s.jsonl", watch(2, 5, World(errors=0.2)))
    assert main(["watch", "replay", str(path), "--rules", str(rules)]) == 1
    assert capsys.readouterr().out.splitlines()[-1].startswith("NO-GO  at sample 5")
    assert main(["watch", "replay", str(path), "--rules", str(rules), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["last"]["decision"] == "NO-GO"
    assert main(["watch", "replay", str(path), "--env", "local"]) == 1


def test_each_line_fits_the_schema(tmp_path: Path) -> None:
    validator = Draft202012Validator(samples_schema())
    for line in record(tmp_path / "s.jsonl", watch(3, 3, World())).read_text(encoding="utf-8").splitlines():
        validator.validate(json.loads(line))


def test_a_torn_last_line_is_left_out_and_noted(tmp_path: Path, rules: Path) -> None:
    path = record(tmp_path / "s.jsonl", watch(4, 4, World()))
    path.write_bytes(path.read_bytes()[:-30])
    replayed = replay(path, rules=rules, environment=None, root=ROOT)
    assert replayed.last.seq == 3
    assert "the last line has no end" in replayed.notes[0]


def change(line: str, **keys: object) -> str:
    return json.dumps({**json.loads(line), **keys})


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (lambda line: line.replace('"errors":', '"errros":', 1), "2: 'errros' is not a key of sides.canary; did you"),
        (lambda line: change(line, seq=7), "2: seq is 7 after 1: a line is missing, doubled or out of order"),
        (lambda line: change(line, since="yesterday"), "2: since is a moment with its zone"),
        (lambda line: change(line, schema="gonogo/sample/9"), "2: schema is 'gonogo/sample/9'"),
        (lambda line: line[:-1], "2: is not JSON"),
        (lambda line: line.replace('"requests":', '"requests":-', 1), "2: canary.requests is not a whole number"),
        (lambda line: line.replace('"memory":', '"memory":NaN,"x":', 1), "2: is not JSON: NaN is no number"),
        (lambda _: "[1]", "2: is not a JSON object"),
    ],
)
def test_a_bad_line_is_refused_by_its_number(tmp_path: Path, rules: Path, bad: Callable[[str], str], said: str) -> None:
    path = record(tmp_path / "s.jsonl", watch(5, 3, World()))
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[1] = bad(lines[1])
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        replay(path, rules=rules, environment=None, root=ROOT)
    assert said in str(caught.value)


def test_a_number_that_was_changed_afterwards_breaks_the_chain(tmp_path: Path, rules: Path) -> None:
    path = record(tmp_path / "s.jsonl", watch(6, 3, World(errors=0.2)))
    lines = path.read_text(encoding="utf-8").splitlines()
    document = json.loads(lines[1])
    document["sides"]["canary"]["errors"] = 0
    lines[1] = json.dumps(document)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="was changed after it was written"):
        replay(path, rules=rules, environment=None, root=ROOT)


def test_samples_of_another_vendor_need_no_digest(tmp_path: Path, rules: Path) -> None:
    path = record(tmp_path / "s.jsonl", watch(7, 3, World()))
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    path.write_text("".join(json.dumps({k: v for k, v in one.items() if k != "digest"}) + "\n" for one in lines))
    assert replay(path, rules=rules, environment=None, root=ROOT).last.seq == 3


def test_without_rules_or_samples_it_is_a_configuration_error(tmp_path: Path, rules: Path) -> None:
    empty = tmp_path / "none.jsonl"
    empty.write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match="name the rules"):
        replay(empty, rules=None, environment=None, root=ROOT)
    with pytest.raises(ConfigError, match="holds no sample"):
        replay(empty, rules=rules, environment=None, root=ROOT)
    rules.write_text("roll_back: [error_ratio > 0.01]\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"rules.yaml:1:.*'roll_back' is not a key"):
        replay(empty, rules=rules, environment=None, root=ROOT)


COUNT = st.integers(0, 10**6)
SIDE = st.builds(
    SideSample,
    requests=st.just(10**6),
    errors=COUNT,
    successes=COUNT,
    latency=st.none() | st.tuples(st.builds(Bucket, low=st.just(0.0), high=st.none() | st.just(5.0), count=COUNT)),
    gauges=st.dictionaries(st.text(max_size=5), st.floats(allow_nan=False, allow_infinity=False), max_size=2),
    counts=st.dictionaries(st.text(max_size=5), COUNT, max_size=2),
    unseen=st.dictionaries(st.text(max_size=5), st.text(max_size=9), max_size=2),
)


@settings(deadline=None)
@given(st.lists(SIDE, min_size=1, max_size=4))
def test_what_was_written_reads_back(tmp_path_factory: pytest.TempPathFactory, sides: list[SideSample]) -> None:
    samples = [
        Sample(seq=n + 1, since=START + n * MINUTE, until=START + (n + 1) * MINUTE, sides={"canary": side})
        for n, side in enumerate(sides)
    ]
    path = record(tmp_path_factory.mktemp("s") / "s.jsonl", samples)
    found = read_samples(path, SCHEMA)
    assert found.samples == tuple(samples)
    assert found.digests[0] == digest(found.documents[0], "")
    assert found.whole == path.stat().st_size
