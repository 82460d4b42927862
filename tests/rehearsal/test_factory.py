"""AI Factory's rehearsal: what its services do really happens, its past agrees with itself, nothing is left over."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import redis
from tests.rehearsal.test_factory_sql import CHECKS, HOW_TO, ROLE, ROOT

from gonogo.probes.redis import Redis

sys.path.insert(0, str(ROOT / "environments" / "rehearsal"))

from factory import ledger, past, tables
from factory.metrics import Metrics
from factory.sickness import SICKNESSES
from factory.world import SERVICES, World

READINGS = {"temperature": 99, "vibration": 3.0}


@pytest.fixture(scope="module")
def factory() -> Iterator[Any]:
    """One rehearsal for all tests of this module."""
    from tests.rehearsal.conftest import Program

    program = Program("--system", "factory", "--scene", "deployed")
    yield program
    program.end()


@pytest.fixture
def api(factory: Any) -> Any:
    """The production API, of a healthy world that nobody asked anything yet."""
    assert factory.switch("deployed")["ready"]
    return lambda path, body=None, secret="", side="api": factory.get(side, path, secret, body)


def sql(factory: Any, statement: str) -> list[tuple[Any, ...]]:
    """Rows that the reading role sees."""
    host, port = factory.ready["addresses"]["postgres"].split(":")
    password = factory.ready["secrets"]["GONOGO_PG_PASSWORD"]
    target = {"host": host, "port": port, "dbname": "factory", "user": "gonogo_reader", "password": password}
    with psycopg.connect(**target) as connection:
        return connection.execute(statement.encode()).fetchall()


def metric(factory: Any, service: str, line: str) -> float:
    """The value of one line of a service's /metrics."""
    _, text = factory.get(f"api-{service}", "/metrics")
    found = re.search(rf"^{re.escape(line)} (\S+)$", text, re.MULTILINE)
    assert found is not None, text
    return float(found[1])


def test_five_services_a_side_each_at_a_port_of_its_own(factory: Any, api: Any) -> None:
    """Each says how it is and what runs; the gateway says it of all."""
    for side in ("api", "api-staging"):
        status, all_of_them = api("/health", side=side)
        assert (status, all_of_them["services"]) == (200, dict.fromkeys(SERVICES, "healthy"))
        for service in SERVICES:
            status, health = factory.get(f"{side}-{service}", "/health")
            assert (status, health["service"], health["version"]) == (200, service, "v1.4.0")
            assert api(f"/health/{service}", side=side) == (200, health)
    ports = {factory.ready["addresses"][f"{side}-{name}"] for side in ("api", "api-staging") for name in SERVICES}
    assert len(ports) == 10
    assert api("/nobody/has/this")[0] == 404


@pytest.mark.parametrize(("policy", "method"), [("RULE_ONLY", "rule"), ("LLM_ONLY", "llm"), ("HYBRID", "hybrid")])
@pytest.mark.parametrize("side", ["api", "api-staging"])
def test_a_judgment_is_made_kept_and_counted(factory: Any, api: Any, side: str, policy: str, method: str) -> None:
    """The first misses the cache, the second hits it; production's stand in the table and in the metrics."""
    hits = 'judgment_cache_hits_total{track="stable"}'
    before = metric(factory, "judgment", hits)
    asked = {"workflow_id": "wf-simple", "input": READINGS, "policy": policy}
    answers = [api("/api/v1/judgment/execute", asked, side=side) for _ in range(2)]
    assert [status for status, _ in answers] == [200, 200]
    assert [told["cache"] for _, told in answers] == ["miss", "hit"]
    assert {(told["result"], told["method"], told["ruleset_version"]) for _, told in answers} == {
        ("ALERT", method, "v1.4.0")
    }
    ids = ", ".join(str(told["execution_id"]) for _, told in answers)
    rows = sql(factory, f"select method, cached from core.judgment_executions where id in ({ids}) order by id")  # noqa: S608
    assert rows == ([(method, False), (method, True)] if side == "api" else [])
    assert metric(factory, "judgment", hits) - before == (side == "api")


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/api/v1/judgment/execute", [1], 422),
        ("/api/v1/judgment/execute", {"workflow_id": "wf-simple", "input": READINGS, "policy": "DICE"}, 422),
        ("/api/v1/judgment/execute", {"workflow_id": "wf-none", "input": READINGS}, 404),
        ("/api/v1/judgment/simulate", {"ruleset_version": "v0", "execution_ids": [1]}, 404),
        ("/api/v1/judgment/simulate", {"ruleset_version": "v1.3.9", "execution_ids": []}, 422),
        ("/api/v1/workflow/run", {"workflow_id": "wf-none"}, 404),
        ("/api/v1/workflow/instances/7", None, 404),
        ("/api/v1/bi/query", {"question": " "}, 422),
        ("/api/v1/feedback", {"execution_id": 7, "feedback_value": "thumbs_up"}, 404),
        ("/api/v1/feedback", {"execution_id": 7, "feedback_value": "meh"}, 422),
        ("/slack/events", {"type": "other"}, 422),
        ("/api/v1/learning/rollback", {"deployment_id": "rd-0041"}, 401),
    ],
)
def test_what_cannot_be_served_is_told_and_changes_nothing(
    factory: Any, api: Any, path: str, body: Any, status: int
) -> None:
    """A status of 4xx with a reason; no row comes of it."""
    counted = "select (select count(*) from core.judgment_executions), (select count(*) from workflow_instances)"
    before = sql(factory, counted)
    got, told = api(path, body)
    assert got == status
    assert told["detail"]
    assert sql(factory, counted) == before


@pytest.mark.parametrize(("name", "steps"), [("wf-simple", 1), ("wf-complex", 5)])
def test_a_workflow_runs_to_its_end(factory: Any, api: Any, name: str, steps: int) -> None:
    """202 and RUNNING at first; COMPLETED a little later, with every step, in the table too."""
    status, told = api("/api/v1/workflow/run", {"workflow_id": name, "input": READINGS})
    assert (status, told["status"]) == (202, "RUNNING")
    ends = time.monotonic() + 60
    while (found := api(f"/api/v1/workflow/instances/{told['instance_id']}")[1])["status"] == "RUNNING":
        assert time.monotonic() < ends
        time.sleep(0.05)
    assert found["status"] == "COMPLETED"
    assert [step["status"] for step in found["steps"]] == ["COMPLETED"] * steps
    row = f"select status, done_steps from workflow_instances where id = {told['instance_id']}"  # noqa: S608
    assert sql(factory, row) == [("COMPLETED", steps)]


def test_a_question_becomes_a_chart_of_what_is_there(factory: Any, api: Any) -> None:
    """The rows are those of the statement that is told."""
    status, told = api("/api/v1/bi/query", {"question": "워크플로 상태를 보여줘"})
    assert (status, told["chart"]["type"]) == (200, "pie")
    assert [tuple(row.values()) for row in told["rows"]] == sql(factory, told["sql"])
    assert told["chart"]["x"] == ["COMPLETED", "FAILED"]


def test_the_bot_answers_and_feedback_is_kept(factory: Any, api: Any) -> None:
    """What is said to the bot is logged with its intent; feedback refers to a judgment."""
    assert api("/slack/events", {"type": "url_verification", "challenge": "c1"}) == (200, {"challenge": "c1"})
    event = {"type": "app_mention", "user": "U1", "text": "불량률 알려줘", "channel": "C1", "ts": "1.2"}
    status, told = api("/slack/events", {"type": "event_callback", "event": event})
    assert (status, told["reply"]["intent"], told["reply"]["thread_ts"]) == (200, "bi.defects", "1.2")
    assert sql(factory, f"select intent from intent_logs where id >= {tables.LIVE_IDS}") == [("bi.defects",)]  # noqa: S608
    number = api("/api/v1/judgment/execute", {"workflow_id": "wf-line", "input": READINGS})[1]["execution_id"]
    asked = {"execution_id": number, "feedback_value": "thumbs_down", "comment": "경보가 아니었습니다"}
    assert api("/api/v1/feedback", asked)[0] == 201
    kept = sql(factory, f"select feedback_value, comment from feedbacks where execution_id = {number}")  # noqa: S608
    assert kept == [("thumbs_down", "경보가 아니었습니다")]


def test_a_rule_set_is_taken_back_and_a_what_if_tells_the_difference(factory: Any, api: Any) -> None:
    """Vibration alarms since v1.4.0: the simulation says which, and after the rollback it no longer does."""
    shaking = {"workflow_id": "wf-simple", "input": {"temperature": 70, "vibration": 9.8}, "policy": "RULE_ONLY"}
    number = api("/api/v1/judgment/execute", shaking)[1]["execution_id"]
    status, told = api("/api/v1/judgment/simulate", {"ruleset_version": "v1.3.9", "execution_ids": [number, 7]})
    assert (status, told["changed"], told["missing"]) == (200, 1, [7])
    assert told["results"][0]["old"]["result"] == "ALERT"
    assert told["results"][0]["new"] == {"result": "NORMAL", "ruleset_version": "v1.3.9"}

    def back(name: str) -> tuple[int, Any]:
        status, told = api("/api/v1/learning/rollback", {"deployment_id": name}, secret="GONOGO_FACTORY_TOKEN")
        return status, told.get("status", told.get("error"))

    assert back("rd-0038") == (409, "conflict")  # another came after it
    assert back("rd-0041") == (200, "ROLLED_BACK")
    assert back("rd-0041") == (409, "conflict")
    again = api("/api/v1/judgment/execute", shaking)[1]
    assert (again["result"], again["ruleset_version"], again["cache"]) == ("NORMAL", "v1.3.9", "miss")
    factory.switch("deployed")
    assert api("/api/v1/judgment/execute", shaking)[1]["ruleset_version"] == "v1.4.0"


def test_the_past_of_the_metrics_is_that_of_the_rows(factory: Any, api: Any) -> None:
    """A day of counters has grown by as many as the tables hold of that day."""
    assert api("/health")[0] == 200
    world = World("deployed", frozenset(), time.time(), {"version": "1.4.0", "image": "a/b:v1.4.0"})
    grown: dict[str, float] = {}
    for series in Metrics().series(world):
        then, now = series.at(world.now - ledger.DAY), series.at(world.now)
        if series.kind == "counter" and now is not None:
            path = series.labels.get("path", "")
            grown[series.name + path] = grown.get(series.name + path, 0) + now - (then or 0)
    of_day = "> now() - interval '1 day'"
    ((hits, judgments),) = sql(
        factory,
        f"select count(*) filter (where cached), count(*) from core.judgment_executions where executed_at {of_day}",  # noqa: S608
    )
    assert grown[past.HITS] == pytest.approx(hits, abs=2)
    assert grown[past.HITS] + grown[past.MISSES] == pytest.approx(judgments, abs=2)
    assert grown[f"{past.REQUESTS}/api/v1/judgment/execute"] == pytest.approx(judgments, abs=2)
    ((started,),) = sql(factory, f"select count(*) from workflow_instances where created_at {of_day}")  # noqa: S608
    assert grown[f"{past.REQUESTS}/api/v1/workflow/run"] == pytest.approx(started, abs=2)
    assert judgments == pytest.approx(1000, abs=2)


def test_what_was_wrong_is_gone_with_the_next_world(factory: Any, api: Any) -> None:
    """Every fault of the tables, all at once and then none: the rows are what they were, but for those that came."""
    tell = (
        "select count(*), count(distinct ruleset_version), (select count(*) from workflow_instances where status ="
        " 'FAILED'), (select count(*) from feedbacks), (select version_num from alembic_version),"
        " (select max(mean_exec_time) from pg_stat_statements), (select count(*) from rule_deployments),"
        " (select count(distinct ip_address) from access_logs), pg_is_in_recovery(),"
        " (select count(*) from pg_inherits), (select count(*) from intent_logs) from core.judgment_executions"
    )
    assert api("/health")[0] == 200
    before = sql(factory, tell)[0]
    own = [name for name in SICKNESSES if not name.endswith("-denied") and not name.startswith("incident-")]
    assert factory.switch("deployed", *own)["ready"]
    spoilt = sql(factory, tell)[0]
    assert spoilt[8] is True
    assert sum(one != other for one, other in zip(before, spoilt, strict=True)) >= 6
    assert factory.switch("deployed")["ready"]
    for one, other in zip(before, sql(factory, tell)[0], strict=True):
        assert other == (pytest.approx(one, abs=2) if type(one) is int else one)


def test_the_reader_is_the_one_of_the_how_to_page() -> None:
    """The rehearsal gives its reading role exactly the rights that the page tells a team to give."""
    ours, page = (" ".join(text.split()) for text in (tables.READER_ROLE + tables.READER_GRANTS, ROLE))
    assert ours == page


def test_the_user_of_the_how_to_page_may_ask_redis_what_the_checklists_ask(factory: Any, api: Any) -> None:
    """The commands of the items are answered, a reading and a writing one beside them are not."""
    assert api("/health")[0] == 200
    host, port = factory.ready["addresses"]["redis"].split(":")
    (rule,) = re.findall(r"^ACL SETUSER .*$", HOW_TO, re.MULTILINE)
    words = rule.replace("{password}", "p" * 24).split()
    asked = {
        probe.options.command
        for check in CHECKS.values()
        for probe in check.probes.values()
        if isinstance(probe.options, Redis)
    }
    assert asked
    with redis.Redis(host=host, port=int(port)) as default:
        default.execute_command(*words)
        with redis.Redis(host=host, port=int(port), username="gonogo_reader", password="p" * 24) as reader:
            for command in asked:
                assert reader.execute_command(*command)
            for command in (("FLUSHALL",), ("GET", "a"), ("CONFIG", "GET", "maxmemory")):
                with pytest.raises(redis.exceptions.NoPermissionError):
                    reader.execute_command(*command)
        default.execute_command("ACL", "DELUSER", "gonogo_reader")
