"""A rule deployment taken back: what is planned, sent once, and believed only where the table says it."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gonogo.cli import main
from gonogo.config.addresses import resolve_addresses
from gonogo.config.environment import load_environment
from gonogo.config.raw import overlaid
from gonogo.config.secrets import Secrets
from gonogo.flows.rollout.order import Asked
from gonogo.flows.rollout.plan import NotSeen
from gonogo.flows.rollout.rule_deployment import TakenBack, take_back
from gonogo.flows.standing import Standing
from gonogo.flows.started import Starter
from gonogo.judges.plans.rule_rollback import plan_rule_rollback
from gonogo.model.errors import ConfigError, ExitStatus, SafetyRefusal
from gonogo.model.evidence import Cause, Seen
from gonogo.model.rule_deployment import RuleDeployment
from gonogo.model.secret import Redactor
from gonogo.probes import rule_rollback
from gonogo.probes.base import Sight, Vantage
from gonogo.probes.failure import Failure

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT / "environments" / "rehearsal"))

from http_server import Call, HttpServer, Reply  # noqa: E402 - the rehearsal's own folder

GO, NO_GO, HOLD = ExitStatus.GO, ExitStatus.NO_GO, ExitStatus.HOLD
Play = Callable[[str], Standing]
TOKEN = "a-token-of-the-factory"
ROWS = (
    RuleDeployment(
        id="rd-0041", kind="rule", old="v1.3.9", new="v1.4.0", at="2026-11-20T08:00:00+00:00", status="ACTIVE",
        taken_back=False,
    ),
    RuleDeployment(
        id="rd-0040", kind="dsl", old="d-7", new="d-8", at="2026-11-01T08:00:00+00:00", status="ROLLED_BACK",
        taken_back=True,
    ),
    RuleDeployment(
        id="rd-0038", kind="rule", old="v1.3.8", new="v1.3.9", at="2026-10-20T08:00:00+00:00", status="ACTIVE",
        taken_back=False,
    ),
)  # fmt: skip


class Factory:
    """A learning service that may misbehave, and the table behind it."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.rows, self.sent = root, list(ROWS), list[Any]()
        self.answers: Callable[[], Reply] = self.done
        self.unreadable = 0  # reads that fail after something was sent
        self.server = HttpServer(self.serve)
        monkeypatch.setattr("gonogo.flows.rollout.rule_deployment.read", self.read)
        monkeypatch.setattr("gonogo.flows.rollout.rule_deployment._LOOKS_EVERY_S", 0.02)
        monkeypatch.setenv("SHOP_TOKEN", TOKEN)
        monkeypatch.setenv("SHOP_PG", "a-password")
        monkeypatch.chdir(root)
        (root / "environments").mkdir()
        self.declare()

    def declare(self, *actions: str, live: bool = False) -> None:
        allowed = f", actions: [{', '.join(actions)}]" if actions else ""
        hosts = ", hosts: [127.0.0.1]"
        (self.root / "environments" / "mine.yaml").write_text(
            "name: mine\nsystem: shop\ndescribe: A factory\n"
            f"sides: {{stable: {{url: '{'https://shop.example' if live else self.server.url}',"
            " auth: {kind: bearer, secret: SHOP_TOKEN}}}\n"
            "back_ends: {postgres: {address: '127.0.0.1:1', auth: {kind: bearer, secret: SHOP_PG},"
            " names: {database: d, user: u}}}\n"
            f"guards: {{live: {str(live).lower()}{allowed}{hosts}}}\ncontacts: {{watch_owner: Operations}}\n",
            encoding="utf-8",
        )

    def read(self, _vantage: Any) -> tuple[RuleDeployment, ...]:
        if self.sent and self.unreadable:
            self.unreadable -= 1
            raise Failure(Cause.UNREACHABLE, "the database is gone")
        return tuple(self.rows)

    def serve(self, call: Call) -> Reply:
        assert call.bearer(TOKEN)
        self.sent.append((call.method, call.path, call.json()))
        return self.answers()

    def done(self) -> Reply:
        self.rows[0] = replace(self.rows[0], status="ROLLED_BACK", taken_back=True)
        return Reply(status=202, body={"status": "accepted"})

    def taken(self, *, yes: str | None = "mine", within_s: float = 10, **more: Any) -> TakenBack:
        return take_back(Asked(root=self.root, environment="mine", yes=yes, within=timedelta(seconds=within_s), **more))


@pytest.fixture
def factory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    one = Factory(tmp_path, monkeypatch)
    yield one
    one.server.close()


@pytest.fixture(scope="module")
def play() -> Iterator[Play]:
    """AI Factory's rehearsal, with another fault each time."""
    environment = load_environment("factory-local", ROOT / "environments", root=ROOT)
    with ExitStack() as stack:
        starter = Starter(environment, ROOT)
        stack.callback(starter.end)
        starter.up("deployed", ())

        def switched(fault: str) -> Standing:
            ready = starter.switch("deployed", (fault,))
            secrets = Secrets(environment, dict(ready.secrets))
            resolved = resolve_addresses(overlaid(environment, ready.declares), ready.addresses)
            vantage = Vantage(environment=resolved, release=None, now=datetime.now(UTC), t0=None, reveal=secrets.reveal)
            stack.callback(vantage.close)
            return Standing(vantage=vantage, redactor=Redactor(ready.secrets.values()))

        yield switched


def test_a_dry_run_shows_the_request_and_sends_nothing(factory: Factory, capsys: pytest.CaptureFixture[str]) -> None:
    """What was deployed, what would be in force, the very request; no token in it."""
    assert main(["rollout", "rule-deployment", "--env", "mine"]) == 0
    page = capsys.readouterr().out
    assert "deployed  rd-0041  rule v1.3.9 -> v1.4.0  2026-11-20T08:00  ACTIVE\n" in page
    assert "deployed  rd-0040  dsl d-7 -> d-8  2026-11-01T08:00  ROLLED_BACK, rolled back\n" in page
    assert "planned   rule v1.3.9 instead of v1.4.0 (rd-0041)\n" in page
    assert f"call      POST {factory.server.url}/api/v1/learning/rollback {{" in page
    assert "`gonogo rollout rule-deployment --env mine --yes mine` takes it back" in page
    assert TOKEN not in page
    assert factory.sent == []
    assert not (factory.root / "reports").exists()


def test_it_is_sent_once_and_read_back(factory: Factory) -> None:
    """GO because the table says so; recorded with what was before and what is now."""
    ended = factory.taken()
    assert ended.status is GO
    assert factory.sent == [
        (
            "POST",
            "/api/v1/learning/rollback",
            {"deployment_id": "rd-0041", "target_type": "rule", "from_version": "v1.4.0", "to_version": "v1.3.9"},
        )
    ]
    (path,) = (factory.root / "reports" / "out").glob("*Z-mine-rule-rollback-*/rule-rollback.json")
    kept = json.loads(path.read_text(encoding="utf-8"))
    assert kept == json.loads(json.dumps(ended.document))
    assert kept["schema"] == "gonogo/rule-rollback/1"
    assert (kept["done"], kept["after"]["status"]) == (True, "ROLLED_BACK")
    assert kept["said"] == "GO  in force: rule v1.3.9 instead of v1.4.0 (rd-0041)"
    assert TOKEN not in path.read_text(encoding="utf-8")
    again = factory.taken()
    assert again.status is GO
    assert "it stands already: rd-0041 was taken back" in again.document["said"]
    assert len(factory.sent) == 1


def lost(factory: Factory, *, done: bool) -> Callable[[], Reply]:
    def answer() -> Reply:
        if done:
            factory.done()
        return Reply(raw=(b"",))

    return answer


@pytest.mark.parametrize(
    ("case", "status", "said"),
    [
        ("refused", NO_GO, "not taken back: POST /api/v1/learning/rollback: 403: .*rd-0041 is ACTIVE"),
        ("conflict", NO_GO, "not taken back: .*409"),
        ("error", HOLD, "nobody knows whether it was taken: .*500.*look before it is sent once more"),
        ("lost", HOLD, "nobody knows whether it was taken: .*rd-0041 is ACTIVE"),
        ("lost-but-done", GO, "in force: rule v1.3.9"),
        ("error-but-done", GO, "in force: rule v1.3.9"),
        ("nothing-happens", NO_GO, "asked for, and not taken back within .*: rd-0041 is ACTIVE"),
        ("half", NO_GO, "asked for, and not taken back within .*: rd-0041 is ROLLED_BACK with rollback_occurred false"),
        ("limited", NO_GO, "not taken back: .*429"),
    ],
)
def test_no_answer_is_ever_told_as_done(factory: Factory, case: str, status: ExitStatus, said: str) -> None:
    """Only the table counts, whatever was answered; nothing is sent twice, and the record is kept."""

    def half() -> Reply:
        factory.rows[0] = replace(factory.rows[0], status="ROLLED_BACK")
        return Reply(body={"status": "rolled back"})

    def error_done() -> Reply:
        factory.done()
        return Reply(status=500, body={})

    factory.answers = {
        "refused": lambda: Reply(status=403, body={"detail": "no"}),
        "conflict": lambda: Reply(status=409, body={"detail": "another one is in force"}),
        "error": lambda: Reply(status=500, body={"detail": "boom"}),
        "lost": lost(factory, done=False),
        "lost-but-done": lost(factory, done=True),
        "error-but-done": error_done,
        "nothing-happens": lambda: Reply(body={"status": "rolled back"}),
        "half": half,
        "limited": lambda: Reply(status=429, body={}, headers={"retry-after": "0"}),
    }[case]
    ended = factory.taken(within_s=1.5)
    assert ended.status is status, ended.document["said"]

    assert re.search(said, ended.document["said"])
    assert len(factory.sent) == 1
    assert ended.document["done"] is (status is GO)
    assert ended.folder is not None
    assert (ended.folder / "rule-rollback.json").is_file()


def test_a_table_that_cannot_be_read_afterwards(factory: Factory) -> None:
    """HOLD: asked for, and nobody saw what came of it; one that comes back is believed."""
    factory.unreadable = 10_000
    ended = factory.taken(within_s=1.5)
    assert ended.status is HOLD
    assert "rule_deployments could not be read since: look before it is sent once more" in ended.document["said"]
    factory.rows[0], factory.unreadable, factory.sent[:] = ROWS[0], 2, []
    assert factory.taken().status is GO


def test_guards(factory: Factory, capsys: pytest.CaptureFixture[str]) -> None:
    """The name typed out, and on a live system its leave; nothing is sent, nothing is read."""
    for yes in ("", "yours", "Mine"):
        with pytest.raises(SafetyRefusal, match="--yes is the name of the environment, mine"):
            factory.taken(yes=yes)
    factory.declare("rollback", "traffic", live=True)
    with pytest.raises(SafetyRefusal, match="does not allow the action 'learning-rollback'"):
        factory.taken()
    dry = factory.taken(yes=None)
    assert "does not allow the action 'learning-rollback'" in dry.document["refusals"][0]
    assert "takes it back" not in dry.document["said"]
    assert factory.sent == []
    path = factory.root / "environments" / "mine.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("postgres:", "redis:"), encoding="utf-8")
    assert main(["rollout", "rule-deployment", "--env", "mine"]) == 4
    assert "mine has no rule deployments" in capsys.readouterr().err
    with pytest.raises(ConfigError):
        factory.taken(yes=None, within_s=601)


def test_what_cannot_be_recorded_or_seen_is_not_begun(factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No record, nothing sent; no table, no plan."""
    from gonogo.reporting.files import NotKept

    (factory.root / "reports").write_text("in the way", encoding="utf-8")
    with pytest.raises(NotKept, match="nothing was changed"):
        factory.taken()

    def blind(_vantage: Any) -> Any:
        raise Failure(Cause.DENIED, "permission denied for table rule_deployments")

    monkeypatch.setattr("gonogo.flows.rollout.rule_deployment.read", blind)
    with pytest.raises(NotSeen, match="permission denied for table rule_deployments"):
        factory.taken()
    assert factory.sent == []


def test_the_learning_service_may_stand_elsewhere(factory: Factory) -> None:
    """Back end `learning` has an address and a token of its own."""
    path = factory.root / "environments" / "mine.yaml"
    text = path.read_text(encoding="utf-8").replace(f"url: '{factory.server.url}", "url: 'https://x.example")
    auth = "auth: {kind: bearer, secret: SHOP_TOKEN}"
    learning = f"back_ends: {{learning: {{address: '{factory.server.url}/', {auth}}}, "
    path.write_text(text.replace("back_ends: {", learning), encoding="utf-8")
    assert factory.taken().status is GO
    assert len(factory.sent) == 1


@pytest.mark.parametrize(
    "table",
    [
        ("learning-refused", NO_GO, "not taken back: POST /api/v1/learning/rollback: 403"),
        ("learning-ignored", NO_GO, "asked for, and not taken back within 1s: rd-0042 is ACTIVE"),
        ("learning-answer-lost", GO, "in force: prompt p-15 instead of p-16 (rd-0042)"),
    ],
)
def test_on_the_rehearsal(
    play: Play, table: tuple[str, ExitStatus, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The services, the table and the token of AI Factory's rehearsal; one rehearsal for all."""
    fault, status, said = table
    where = play(fault)
    monkeypatch.setattr("gonogo.flows.rollout.rule_deployment.standing", lambda *_, **__: nullcontext(where))
    asked = Asked(
        root=ROOT, environment="factory-local", yes="factory-local", within=timedelta(seconds=1), out=tmp_path
    )
    ended = take_back(asked)
    assert ended.status is status
    assert said in ended.document["said"]
    assert ended.folder is not None
    token = where.vantage.reveal("GONOGO_FACTORY_TOKEN")
    assert token not in (ended.folder / "rule-rollback.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("rows", "wanted", "why"),
    [
        ((), None, "rule_deployments is empty"),
        (ROWS, "rd-0099", r"there is no deployment rd-0099 (there is rd-0041, rd-0040, rd-0038)"),
        (ROWS, "rd-0038", "rd-0038 is not in force any more: rd-0041 was deployed over it (rule)"),
        ((replace(ROWS[0], status="FAILED"),), None, "is FAILED with rollback_occurred false"),
        ((replace(ROWS[0], taken_back=True),), None, "is ACTIVE with rollback_occurred true"),
        ((replace(ROWS[0], old="v1.4.0"),), None, "there is nothing to go back to"),
        ((replace(ROWS[0], old=""),), None, "rd-0041 is the first of its kind: there is nothing to go back to"),
    ],
)
def test_what_is_not_possible(rows: tuple[RuleDeployment, ...], wanted: str | None, why: str) -> None:
    """Only what is in force can be taken back."""
    found = plan_rule_rollback(rows, wanted)
    assert isinstance(found, str)
    assert why in found


def test_other_words_for_the_same() -> None:
    """Tables call what is in force, and what is not any more, by several names; both columns have to agree."""
    one = replace(ROWS[0], status="DEPLOYED")
    assert not isinstance(plan_rule_rollback((one,)), str)
    assert replace(one, status="ROLLBACK", taken_back=True).back
    assert not replace(one, taken_back=True).back
    assert not replace(one, status="ROLLBACK").back


def test_an_older_deployment_of_another_kind_may_be_taken_back() -> None:
    """What is newer and stays is noted."""
    prompt = replace(ROWS[0], id="rd-0042", kind="prompt", old="p-15", new="p-16")
    found = plan_rule_rollback((prompt, *ROWS), "rd-0041")
    assert not isinstance(found, str)
    assert (found.deployment.id, found.notes) == ("rd-0041", ("rd-0042 is newer and stays: prompt p-15 -> p-16",))
    taken = replace(ROWS[0], status="ROLLED_BACK", taken_back=True)
    assert not isinstance(plan_rule_rollback((taken, *ROWS[1:]), "rd-0038"), str)


def test_the_first_of_a_kind_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no old version, and a column that was never set says no; a row without an id is none."""
    row = {
        "deployment_id": "rd-0001", "target_type": "rule", "old_version": None, "new_version": "v1.0.0",
        "deployed_at": "2026-01-01T00:00:00+00:00", "status": "ACTIVE", "rollback_occurred": None,
    }  # fmt: skip
    rows = [row]
    monkeypatch.setattr(
        rule_rollback, "select", lambda *_: Sight(source="x", outcome=Seen(data={"rows": rows, "row_count": 1}))
    )
    vantage: Any = None
    (found,) = rule_rollback.read(vantage)
    assert (found.old, found.taken_back, found.back, found.in_force) == ("", False, False, True)
    rows[0] = {**row, "new_version": None}
    with pytest.raises(Failure, match="rd-0001 has no new_version"):
        rule_rollback.read(vantage)
