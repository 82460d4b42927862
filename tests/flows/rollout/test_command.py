"""`gonogo rollout` as a user meets it: what is printed, and how it ends."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from gonogo.cli import main

if TYPE_CHECKING:
    from conftest import Stand

OLD, NEW = "ion-api-00041-abc", "ion-api-00042-def"


@pytest.fixture(autouse=True)
def there(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the project's folder."""
    monkeypatch.chdir(stand.root)


def test_plan_apply_rollback(stand: Stand, capsys: pytest.CaptureFixture[str]) -> None:
    """Each says the split now and to come, and ends with 0; only what was told with --yes changes anything."""
    assert main(["rollout", "plan", "--env", "mine", "--to", "25"]) == 0
    page = capsys.readouterr().out
    assert f"now       {OLD} 95 %, {NEW} 5 % (tag canary)\n" in page
    assert f"planned   {OLD} 75 %, {NEW} 25 % (tag canary)\n" in page
    assert f"back to   {OLD}\n" in page
    assert "UpdateService {" in page
    assert main(["rollout", "apply", "--env", "mine", "--to", "25"]) == 0
    assert stand.updates == 0
    capsys.readouterr()
    assert main(["rollout", "apply", "--env", "mine", "--to", "25", "--yes", "mine"]) == 0
    page = capsys.readouterr().out
    assert f"GO  in force: {OLD} 75 %, {NEW} 25 %\nkept in {stand.records[0].parent}\n" in page
    assert main(["rollout", "rollback", "--env", "mine", "--yes", "mine"]) == 0
    assert stand.split == {OLD: 100}
    assert stand.updates == 2


def test_json_is_the_record(stand: Stand, capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output is one document, the one that is kept."""
    assert main(["rollout", "apply", "--env", "mine", "--to", "10", "--yes", "mine", "--json"]) == 0
    captured = capsys.readouterr()
    (path,) = stand.records
    assert json.loads(captured.out) == json.loads(path.read_text(encoding="utf-8"))
    assert captured.err == ""


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["plan", "--env", "mine", "--to", "7"], 4, "--to 7 is no stage of mine"),
        (["plan", "--env", "nobody"], 4, "there is no environment 'nobody'"),
        (["plan"], 4, "--env"),
        (["apply", "--env", "mine", "--yes", "yours"], 7, "--yes is the name of the environment, mine"),
        (["apply", "--env", "mine", "--within", "never"], 4, "--within: 'never' is not a duration"),
        (["apply", "--env", "mine", "--within", "2h"], 4, "--within is longer than 0 and at most 10m"),
        (["plan", "--env", "mine", "--scene", "before"], 4, "mine is not rehearsed; --scene is for rehearsed"),
        (["plan", "--env", "mine", "--fault", "api-down"], 4, "mine is not rehearsed; --fault is for rehearsed"),
        (["plan", "--env", "mine", "--yes", "mine"], 4, "unrecognized arguments: --yes mine"),
        (["rollback", "--env", "mine", "--to", "no one"], 4, "--to is a percentage or the name of a revision"),
        (["reset-metrics", "--env", "mine", "--yes", "yours"], 4, "there is no"),
    ],
)
def test_one_line_and_nothing_sent(
    stand: Stand, capsys: pytest.CaptureFixture[str], words: list[str], status: int, said: str
) -> None:
    """Bad input is 4, a guard is 7; standard output stays empty."""
    assert main(["rollout", *words]) == status
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""
    assert not stand.calls


@pytest.mark.parametrize(("fault", "scene", "status"), [("", "deployed", 1), ("cloud-run-denied", "stage-5", 6)])
def test_what_is_not_possible_is_1_and_what_is_not_seen_is_6(
    stand: Stand, capsys: pytest.CaptureFixture[str], fault: str, scene: str, status: int
) -> None:
    """Of a plan, as of everything."""
    stand.play(scene, *([fault] if fault else []))
    assert main(["rollout", "plan", "--env", "mine", "--to", "10"]) == status
    captured = capsys.readouterr()
    assert "not possible: " in captured.out if status == 1 else "PERMISSION_DENIED" in captured.err


def test_a_service_that_has_no_name(stand: Stand, capsys: pytest.CaptureFixture[str]) -> None:
    """Without `service` on the stable side there is no traffic to split; nothing is asked."""
    path = stand.root / "environments" / "mine.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace(", service: ion-api}", "}"), encoding="utf-8")
    assert main(["rollout", "plan", "--env", "mine"]) == 4
    assert "mine has no traffic to split" in capsys.readouterr().err
    assert not stand.calls
