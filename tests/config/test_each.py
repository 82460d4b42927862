"""An item with `each` into one check for every part, when checklists are read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gonogo.config.checklist import check_from_raw, load_checklists
from gonogo.judges import JUDGES
from gonogo.judges.postman import Postman
from gonogo.model.check import Check
from gonogo.model.errors import ConfigError
from gonogo.probes import PROBES

SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
HEAD = """\
system: factory
phase: predeploy
defaults: {area: technical, owner: QA, source: runbook}
items:
"""
ITEM = """\
  - id: fac-smoke-postman
    title: {en: The collection, ko: 컬렉션}
    probe: {postman: {collection: c.json, side: staging}}
    pass: [postman: {}]
    each:
      title: {en: 'Postman: {title}', ko: '요청 {title}'}
      pass:
        - postman: {request: '{part}'}
    remedy: Look.
"""


def load(tmp_path: Path, item: str = ITEM, requests: tuple[str, ...] = ("Health", "Judge it")) -> tuple[Check, ...]:
    items = [{"name": name, "request": {"method": "GET", "url": "{{baseUrl}}/a"}} for name in requests]
    document = {"info": {"name": "c", "schema": SCHEMA}, "item": items}
    (tmp_path / "c.json").write_text(json.dumps(document), encoding="utf-8")
    (tmp_path / "checks").mkdir(exist_ok=True)
    (tmp_path / "checks" / "factory.yaml").write_text(HEAD + item, encoding="utf-8")
    return load_checklists(tmp_path / "checks", PROBES, JUDGES)


def test_one_check_a_part_after_the_item_itself(tmp_path: Path) -> None:
    """They share its look, and each has rules of its own, which stand where they are written."""
    whole, health, judged = load(tmp_path)
    assert [one.id for one in (whole, health, judged)] == [
        "fac-smoke-postman",
        "fac-smoke-postman.01-health",
        "fac-smoke-postman.02-judge-it",
    ]
    assert judged.title == {"en": "Postman: Judge it", "ko": "요청 Judge it"}
    assert whole.probes["it"].options == health.probes["it"].options
    assert (whole.rules[0].options, judged.rules[0].options) == (Postman(), Postman(request="02-judge-it"))
    assert (health.rules[0].origin.line, health.origin.line, health.remedy) == (12, 5, "Look.")


def test_a_part_comes_back_from_plan_json(tmp_path: Path) -> None:
    """Judging again needs neither the checklist nor the collection."""
    checks = load(tmp_path)
    (tmp_path / "c.json").unlink()
    for check in checks:
        assert check_from_raw(json.loads(json.dumps(check.raw)), PROBES, JUDGES) == check


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("postman: {collection: c.json, side: staging}", "http: {side: staging}", "one that has parts"),
        ("en: 'Postman: {title}', ", "", "has no 'en'"),
        ("collection: c.json", "collection: none.json", "factory.yaml:7:12: none.json: No such file"),
        ("{request: '{part}'}", "{requests: '{part}'}", "requests"),
        ("    each:\n", "    mode: signoff\n    each:\n", "is a sign-off and has a"),
    ],
)
def test_what_cannot_be_expanded_is_one_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    """Exit 4, with its place."""
    with pytest.raises(ConfigError) as raised:
        load(tmp_path, ITEM.replace(old, new))
    assert said in str(raised.value)
    assert "factory.yaml" in str(raised.value)


def test_an_id_with_a_part_stands_in_no_file(tmp_path: Path) -> None:
    """It would be another item's part."""
    with pytest.raises(ConfigError, match="an id is made of"):
        load(tmp_path, ITEM.replace("id: fac-smoke-postman", "id: fac-smoke.postman"))
