"""prometheus, prometheus_rules, alertmanager: documents of complete answers, and no number out of any other."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from gonogo.model.environment import Auth, AuthKind, BackEnd
from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause, Seen, Unseen
from gonogo.probes.alerts import (
    Alertmanager,
    Kept,
    PrometheusRules,
    look_at_alertmanager,
    look_at_grafana_alerts,
    look_at_grafana_rules,
    look_at_rules,
)
from gonogo.probes.base import Vantage
from gonogo.probes.prometheus import Prometheus, look

NOW = datetime.fromisoformat("2026-11-20T09:00:00+00:00")
AT = NOW.timestamp()


def vector(*samples: tuple[dict[str, str], Any], at: float = AT, **more: Any) -> dict[str, Any]:
    result = [{"metric": labels, "value": [at, value]} for labels, value in samples]
    return {"status": "success", "data": {"resultType": "vector", "result": result}, **more}


def matrix(values: list[list[Any]]) -> dict[str, Any]:
    result = [{"metric": {"__name__": "up"}, "values": values}]
    return {"status": "success", "data": {"resultType": "matrix", "result": result}}


@pytest.fixture
def ask(fake: Any, vantage_of: Callable[..., Vantage]) -> Callable[..., Seen | Unseen]:
    def asking(answer: Any, query: str = "up", **options: Any) -> Seen | Unseen:
        fake.answers |= {"/api/v1/query": answer, "/api/v1/query_range": answer}
        vantage = vantage_of({"prometheus": BackEnd(address=fake.url)})
        return look(Prometheus(query=query, **options), vantage).outcome

    return asking


def test_one_series_gives_a_value(ask: Callable[..., Seen | Unseen], fake: Any) -> None:
    """Exactly one series: `value` stands at the top, and its time is the evidence's newest."""
    outcome = ask(vector(({"job": "ion"}, "0.25")), query='up{job="ion"}')
    assert isinstance(outcome, Seen)
    assert outcome.data["value"] == 0.25
    assert outcome.data["result"] == [{"labels": {"job": "ion"}, "value": 0.25, "t": NOW.isoformat()}]
    assert outcome.newest == NOW
    assert fake.calls[0].query == {"query": 'up{job="ion"}'}


def test_a_scalar_is_a_value_too(ask: Callable[..., Seen | Unseen]) -> None:
    """A scalar result has no labels and one number."""
    outcome = ask({"status": "success", "data": {"resultType": "scalar", "result": [AT, "3"]}})
    assert isinstance(outcome, Seen)
    assert outcome.data["value"] == 3


def test_row_46_two_series_give_no_value(ask: Callable[..., Seen | Unseen]) -> None:
    """Row 46: where two series answer, none of them is taken for the one that was meant."""
    outcome = ask(vector(({"job": "a"}, "1"), ({"job": "b"}, "2")))
    assert isinstance(outcome, Seen)
    assert "value" not in outcome.data
    assert [row["labels"]["job"] for row in outcome.data["result"]] == ["a", "b"]


def test_row_35_no_series_is_no_data(ask: Callable[..., Seen | Unseen]) -> None:
    """Row 35: an empty result is NO_DATA and names the query."""
    outcome = ask(vector(), query="nothing_total")
    assert outcome == Unseen(cause=Cause.NO_DATA, detail="no series for nothing_total")


@pytest.mark.parametrize("text", ["NaN", "+Inf", "-Inf"])
def test_row_36_a_sample_that_is_no_number_is_partial(ask: Callable[..., Seen | Unseen], text: str) -> None:
    """Row 36: NaN and infinities are PARTIAL and name the series, the sample and the query."""
    outcome = ask(vector(({"__name__": "up", "job": "a"}, "1"), ({"__name__": "up", "job": "b"}, text)))
    assert outcome == Unseen(cause=Cause.PARTIAL, detail=f'up{{job="b"}} is {text}, in up')


def test_row_43_warnings_are_partial(ask: Callable[..., Seen | Unseen]) -> None:
    """Row 43: a 200 with warnings is PARTIAL and repeats the warning."""
    outcome = ask(vector(({}, "1"), warnings=["store-2 did not answer"]))
    assert isinstance(outcome, Unseen)
    assert outcome.cause is Cause.PARTIAL
    assert "store-2 did not answer" in outcome.detail


def test_row_42_infos_are_noted(ask: Callable[..., Seen | Unseen]) -> None:
    """Row 42: what the server remarks about a metric's type is kept as a note."""
    outcome = ask(vector(({}, "1"), infos=["metric might not be a counter"]))
    assert isinstance(outcome, Seen)
    assert outcome.notes == ("prometheus: metric might not be a counter",)


def test_row_39_a_range_that_ends_early_is_stale(ask: Callable[..., Seen | Unseen]) -> None:
    """Row 39: a newest sample older than two steps and than the back end's max_age is PARTIAL with its age."""
    values = [[AT - 1200, "1"], [AT - 900, "2"]]
    outcome = ask(matrix(values), over=timedelta(hours=1), step=timedelta(minutes=1))
    assert isinstance(outcome, Unseen)
    assert outcome.cause is Cause.PARTIAL
    assert outcome.detail == "stale: the newest sample is 15m old, the step 1m, for up"


def test_a_range_gives_points(ask: Callable[..., Seen | Unseen], fake: Any) -> None:
    """A range of one series: points in order, and the latest as the value."""
    outcome = ask(matrix([[AT - 60, "1"], [AT, "2"]]), over=timedelta(hours=1))
    assert isinstance(outcome, Seen)
    assert [point["value"] for point in outcome.data["points"]] == [1, 2]
    assert outcome.data["value"] == 2
    query = fake.calls[0].query
    assert (float(query["start"]), float(query["end"]), query["step"]) == (AT - 3600, AT, "15")


def test_row_50_bad_promql_is_the_checklists_fault(ask: Callable[..., Seen | Unseen]) -> None:
    """Row 50: a parse error is a configuration error with the server's position and the query."""
    error = {"status": "error", "errorType": "bad_data", "error": '1:4: parse error: unexpected "}"'}
    with pytest.raises(ConfigError, match=r'1:4: parse error: unexpected "}", in the query: up}'):
        ask((400, error), query="up}")


@pytest.mark.parametrize(
    ("answer", "cause", "named"),
    [
        ((401, {}), Cause.DENIED, "answered 401"),
        ((403, {}), Cause.DENIED, "answered 403"),
        ((429, {}, {"Retry-After": "900"}), Cause.LIMITED, "429"),
        ((500, b"<html>"), Cause.BROKEN, "answered 500"),
        ((422, {"status": "error", "errorType": "execution", "error": "too many samples"}), Cause.PARTIAL, "too many"),
        ((503, {"status": "error", "errorType": "timeout", "error": "query timed out"}), Cause.TIMEOUT, "timed out"),
        (b"<html>login</html>", Cause.BROKEN, "not JSON"),
        ({"status": "success"}, Cause.BROKEN, "promised shape"),
        (b'{"status": "fail", "status": "success"}', Cause.BROKEN, "'status' stands 2 times"),
        (
            {"status": "success", "data": {"resultType": "string", "result": [AT, "x"]}},
            Cause.BROKEN,
            "a result of type string",
        ),
        (
            {"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "histogram": [1, {}]}]}},
            Cause.BROKEN,
            "native histogram",
        ),
    ],
    ids=lambda value: value.value if isinstance(value, Cause) else "",
)
def test_rows_48_and_49_what_is_no_answer_is_no_number(
    ask: Callable[..., Seen | Unseen], answer: Any, cause: Cause, named: str
) -> None:
    """Rows 48 and 49: refusals, limits, timeouts and nonsense are Unseen with their own cause."""
    outcome = ask(answer)
    assert isinstance(outcome, Unseen)
    assert outcome.cause is cause, outcome
    assert named in outcome.detail


def test_row_48_the_token_is_sent_and_never_told(fake: Any, vantage_of: Callable[..., Vantage]) -> None:
    """Row 48: a 401 names the address, not the token."""
    fake.answers["/api/v1/query"] = (401, {})
    auth = Auth(kind=AuthKind.BEARER, secret="PROM")
    vantage = vantage_of({"prometheus": BackEnd(address=fake.url, auth=auth)}, secrets={"PROM": "right-horse"})
    outcome = look(Prometheus(query="up"), vantage).outcome
    assert fake.calls[0].headers["authorization"] == "Bearer right-horse"
    assert isinstance(outcome, Unseen)
    assert "right-horse" not in outcome.detail


@pytest.mark.parametrize(
    "options", [{"query": " "}, {"query": "up", "step": timedelta(seconds=1)}, {"query": "up", "over": timedelta(0)}]
)
def test_options_that_ask_for_nothing_are_refused(options: dict[str, Any]) -> None:
    """An empty query, a step without a range, a range of no length."""
    with pytest.raises(ConfigError):
        Prometheus(**options)


def test_rules_are_listed(fake: Any, vantage_of: Callable[..., Vantage]) -> None:
    """Alerting and recording rules of all groups, with their query and state."""
    rules = [
        {"name": "LoopSlow", "query": "x > 1", "state": "inactive", "health": "ok", "type": "alerting"},
        {"name": "job:x", "query": "sum(x)", "health": "ok", "type": "recording"},
    ]
    fake.answers["/api/v1/rules"] = {"status": "success", "data": {"groups": [{"name": "ion", "rules": rules}]}}
    outcome = look_at_rules(PrometheusRules(), vantage_of({"prometheus": BackEnd(address=fake.url)})).outcome
    assert isinstance(outcome, Seen)
    assert [(rule["name"], rule["state"], rule["group"]) for rule in outcome.data["rules"]] == [
        ("LoopSlow", "inactive", "ion"),
        ("job:x", None, "ion"),
    ]


def test_row_35_no_rules_are_no_data(fake: Any, vantage_of: Callable[..., Vantage]) -> None:
    """Row 35: a server without rules has lost them."""
    fake.answers["/api/v1/rules"] = {"status": "success", "data": {"groups": []}}
    outcome = look_at_rules(PrometheusRules(), vantage_of({"prometheus": BackEnd(address=fake.url)})).outcome
    assert isinstance(outcome, Unseen)
    assert outcome.cause is Cause.NO_DATA


def test_alertmanager_tells_alerts_and_silences(fake: Any, vantage_of: Callable[..., Vantage]) -> None:
    """Ages and expiry are reckoned from the vantage's now; an empty list is an answer."""
    fake.answers["/api/v2/alerts"] = []
    fake.answers["/api/v2/silences"] = [
        {
            "id": "s1",
            "status": {"state": "expired"},
            "startsAt": "2026-11-20T07:00:00.000Z",
            "endsAt": "2026-11-20T08:00:00.000Z",
            "createdBy": "kim",
            "matchers": [{"name": "alertname", "value": "LoopSlow", "isRegex": False}],
        }
    ]
    vantage = vantage_of({"alertmanager": BackEnd(address=fake.url)})
    alerts = look_at_alertmanager(Alertmanager(look=Kept.ALERTS), vantage).outcome
    silences = look_at_alertmanager(Alertmanager(look=Kept.SILENCES), vantage).outcome
    assert alerts == Seen(data={"alerts": [], "count": 0})
    assert isinstance(silences, Seen)
    silence = silences.data["silences"][0]
    assert (silence["expired"], silence["expired_age_s"], silence["matchers"]) == (True, 3600, ["alertname=LoopSlow"])
    fake.answers["/api/v2/alerts"] = [
        {
            "labels": {"alertname": "Down", "severity": "page"},
            "status": {"state": "active"},
            "startsAt": "2026-11-20T08:59:00Z",
        }
    ]
    alerts = look_at_alertmanager(Alertmanager(look=Kept.ALERTS), vantage).outcome
    assert isinstance(alerts, Seen)
    assert (alerts.data["alerts"][0]["name"], alerts.data["alerts"][0]["age_s"]) == ("Down", 60)
    fake.answers["/api/v2/alerts"][0]["startsAt"] = "2026-11-20T09:00:02Z"  # its clock is ahead of ours
    alerts = look_at_alertmanager(Alertmanager(look=Kept.ALERTS), vantage).outcome
    assert isinstance(alerts, Seen)
    assert alerts.data["alerts"][0]["age_s"] == 0


def test_an_address_is_needed(vantage_of: Callable[..., Vantage]) -> None:
    """A back end without an address is a configuration error, not a guess."""
    with pytest.raises(ConfigError, match="back end prometheus: the address is missing"):
        look(Prometheus(query="up"), vantage_of({"prometheus": BackEnd()}))


def test_row_46_another_number_of_series_is_no_evidence(ask: Callable[..., Seen | Unseen]) -> None:
    """Row 46: a label that matches more than was meant; the series are named."""
    outcome = ask(vector(({"job": "a"}, "1"), ({"job": "b"}, "2")), series=1)
    assert outcome == Unseen(cause=Cause.PARTIAL, detail='2 series where 1 are expected: {job="a"}, {job="b"}, for up')
    assert isinstance(ask(vector(({"job": "a"}, "1"), ({"job": "b"}, "2")), series=2), Seen)


@pytest.mark.parametrize("answer", [vector(({}, "250")), vector(({}, "-0.5")), matrix([[AT - 60, "250"], [AT, "0.5"]])])
def test_row_45_a_value_that_the_measure_cannot_have_is_of_another_unit(
    ask: Callable[..., Seen | Unseen], answer: dict[str, Any]
) -> None:
    """Row 45: milliseconds for seconds, percent for a ratio; a limit would be held against nonsense."""
    over = timedelta(hours=1) if answer["data"]["resultType"] == "matrix" else None
    outcome = ask(answer, lowest=0.0, highest=60.0, over=over)
    assert isinstance(outcome, Unseen)
    assert outcome.cause is Cause.PARTIAL
    assert "outside 0 to 60: another unit?" in outcome.detail


def test_row_39_what_has_ended_is_stale_whatever_its_range_holds(fake: Any, vantage_of: Callable[..., Vantage]) -> None:
    """Row 39: a target that died ten hours ago has spent money in the last day, too."""
    query = 'sum(increase(cost_total{job="a"}[24h]))'
    empty = vector()

    def answer(call: Any) -> Any:
        return empty if call.query["query"].startswith("count(") else vector(({}, "12"))

    fake.answers["/api/v1/query"] = answer
    outcome = look(Prometheus(query=query), vantage_of({"prometheus": BackEnd(address=fake.url)})).outcome
    assert isinstance(outcome, Unseen)
    assert outcome.cause is Cause.PARTIAL
    assert 'stale: nothing of cost_total{job="a"} was scraped' in outcome.detail


def test_what_stands_in_a_labels_value_is_no_range(fake: Any, vantage_of: Callable[..., Vantage]) -> None:
    """Only what is looked back over is asked for its newest samples, each once."""
    fake.answers["/api/v1/query"] = vector(({}, "1"))
    query = 'sum(rate(a{path="/x[0]"}[5m])) / sum(rate(a{path="/x[0]"}[5m])) + b{path=~"c[5m]"} + max_over_time(d[1h])'
    look(Prometheus(query=query), vantage_of({"prometheus": BackEnd(address=fake.url)}))
    asked = [call.query["query"] for call in fake.calls if call.path == "/api/v1/query"]
    assert asked == [query, 'count(a{path="/x[0]"})', "count(d)"]


@pytest.mark.parametrize("function", ["rate", "increase"])
def test_row_42_a_rate_of_a_gauge_is_the_checklists_fault(
    fake: Any, vantage_of: Callable[..., Vantage], function: str
) -> None:
    """Row 42: what the server knows as a gauge has no rate; what it knows nothing of is left alone."""
    fake.answers |= {
        "/api/v1/query": vector(({}, "1")),
        "/api/v1/metadata": {"status": "success", "data": {"memory": [{"type": "gauge", "help": "", "unit": ""}]}},
    }
    vantage = vantage_of({"prometheus": BackEnd(address=fake.url)})
    with pytest.raises(ConfigError, match="memory is a gauge"):
        look(Prometheus(query=f"sum({function}(memory{{a='b'}}[5m]))"), vantage)
    assert isinstance(look(Prometheus(query=f"sum({function}(requests_total[5m]))"), vantage).outcome, Seen)


@pytest.mark.parametrize("options", [{"series": 0}, {"lowest": 2.0, "highest": 1.0}])
def test_what_no_answer_could_keep_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        Prometheus(query="up", **options)


def test_grafana_keeps_rules_and_alerts_below_its_own_paths(fake: Any, vantage_of: Callable[..., Vantage]) -> None:
    """The same documents; a 401 is no quiet morning."""
    rules = [{"name": "Down", "query": "up == 0", "state": "firing", "health": "ok", "type": "alerting"}]
    fake.answers |= {
        "/api/prometheus/grafana/api/v1/rules": {
            "status": "success",
            "data": {"groups": [{"name": "factory", "file": "factory", "rules": rules, "totals": {"firing": 1}}]},
        },
        "/api/alertmanager/grafana/api/v2/alerts": [],
    }
    auth = Auth(kind=AuthKind.BEARER, secret="GRAFANA")
    vantage = vantage_of({"grafana": BackEnd(address=fake.url, auth=auth)}, secrets={"GRAFANA": "right-horse"})
    seen = look_at_grafana_rules(PrometheusRules(), vantage).outcome
    assert isinstance(seen, Seen), seen
    assert [(rule["name"], rule["state"]) for rule in seen.data["rules"]] == [("Down", "firing")]
    alerts = look_at_grafana_alerts(Alertmanager(look=Kept.ALERTS), vantage).outcome
    assert alerts == Seen(data={"alerts": [], "count": 0})
    assert {call.headers["authorization"] for call in fake.calls} == {"Bearer right-horse"}
    fake.answers["/api/alertmanager/grafana/api/v2/alerts"] = (401, {"message": "Unauthorized"})
    denied = look_at_grafana_alerts(Alertmanager(look=Kept.ALERTS), vantage).outcome
    assert isinstance(denied, Unseen)
    assert denied.cause is Cause.DENIED


def test_a_server_that_hangs_holds_up_nobody_else(vantage_of: Callable[..., Vantage]) -> None:
    """While its metadata is waited for, another look gets what all looks share."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        vantage = vantage_of({"prometheus": BackEnd(address=url, timeout=timedelta(seconds=4))})
        outcomes: list[Seen | Unseen] = []
        options = Prometheus(query="sum(rate(requests_total[5m]))")
        looking = threading.Thread(target=lambda: outcomes.append(look(options, vantage).outcome))
        looking.start()
        connection, _ = server.accept()  # it has been asked, and never answers
        other = threading.Thread(target=lambda: vantage.shared("another", dict))
        other.start()
        other.join(3)
        assert not other.is_alive()
        looking.join(60)
        connection.close()
    (outcome,) = outcomes
    assert isinstance(outcome, Unseen)
    assert outcome.cause is Cause.TIMEOUT
