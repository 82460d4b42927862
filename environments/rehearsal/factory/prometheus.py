"""Stand-ins for Prometheus, Alertmanager and Grafana of AI Factory: their HTTP APIs over the metrics of its services.

They are none of these, and say so in the header X-Stand-In of every answer. PromQL as far as promql.py knows it.
"""

from __future__ import annotations

from typing import Any

import clock
from http_server import Call, HttpServer, Reply
from prometheus_api import Asked, BadData, Rows, answer, labelled, moment, number, parameters, refused

from factory import alerting
from factory.flow import Flow
from factory.metrics import Metrics
from factory.promql import BadQuery, Selector, parse
from factory.promql_eval import Evaluation, NoVector
from factory.rehearsal import Stage
from factory.scraped import Scraped
from factory.world import World

_GRAFANA_RULES, _GRAFANA_ALERTS = "/api/prometheus/grafana/api/v1/rules", "/api/alertmanager/grafana"

_NO_RANGE = 'invalid expression type "range vector" for range query, must be Scalar or instant Vector'


class Observers:
    """What all three answer from: the samples of the present world."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._metrics: Metrics = stage.parts.setdefault("metrics", Metrics())
        self._scraped: Scraped | None = None

    def apply(self, world: World) -> None:
        """Another world: its users begin anew."""
        percent = self._stage.parts.get("canary_percent", lambda: 10)
        flow = Flow(world, self._stage.rate, percent) if world.scene == "watch" else None
        self._scraped = Scraped(world, self._metrics, flow)

    @property
    def scraped(self) -> Scraped:
        """The samples of the world that was applied last."""
        assert self._scraped is not None  # noqa: S101 - worlds are applied before the ready line
        return self._scraped

    def prometheus(self, call: Call) -> Reply:
        """Prometheus' own API."""
        return labelled("prometheus", self._prometheus(call))

    def _prometheus(self, call: Call) -> Reply:
        scraped = self.scraped
        try:
            match call.path:
                case "/api/v1/query" | "/api/v1/query_range":
                    data = self._samples(call) or answer(call, self._compute)
                case "/api/v1/rules":
                    data = {"groups": alerting.groups(scraped.world, scraped.read)}
                case "/api/v1/metadata":
                    name = call.query.get("metric", "")
                    kind = scraped.kind(name)
                    data = {name: [{"type": kind, "help": "", "unit": ""}]} if kind else {}
                case "/-/healthy" | "/-/ready":
                    return Reply(body=b"Prometheus Server is Ready.\n", headers={"content-type": "text/plain"})
                case _:
                    return Reply(status=404, body=b"404 page not found\n", headers={"content-type": "text/plain"})
        except (BadData, BadQuery) as error:
            return refused(error)
        except NoVector as error:
            return refused(error, "execution", 422)
        body = {"status": "success", "data": data}
        if scraped.world.fault("prometheus-warns") and call.path.startswith("/api/v1/query"):
            body["warnings"] = ["PromQL warning: results are partial, a block could not be read"]
        return Reply(body=body)

    def _samples(self, call: Call) -> Any:
        """The data of a query for a range of samples as they were scraped; None for any other."""
        asked = parameters(call)
        tree = parse(asked.get("query", ""))
        if not isinstance(tree, Selector) or tree.over is None:
            return None
        if call.path == "/api/v1/query_range":
            raise BadData(f'invalid parameter "query": {_NO_RANGE}')
        at = moment(asked["time"], "time") if "time" in asked else clock.now()
        rows = [
            {
                "metric": {"__name__": tree.name, **labels},
                "values": [[round(when, 3), number(value)] for when, value in zip(*points, strict=True)],
            }
            for labels, points in Evaluation(self.scraped.read, at, at).samples(tree, at)
        ]
        return {"resultType": "matrix", "result": rows}

    def _compute(self, asked: Asked) -> dict[float, Rows | float]:
        tree = parse(asked.query)
        evaluation = Evaluation(self.scraped.read, asked.start, asked.end)
        found: dict[float, Rows | float] = {}
        for at in asked.times:
            value = evaluation.at(tree, at)
            found[at] = value if isinstance(value, float) else [(dict(key), each) for key, each in value.items()]
        return found

    def alertmanager(self, call: Call) -> Reply:
        """Alertmanager's API."""
        return labelled("alertmanager", alerting.alertmanager(self.scraped.world, self.scraped.read, call))

    def grafana(self, call: Call) -> Reply:
        """Grafana's copies of both, for those that have its token."""
        return labelled("grafana", self._grafana(call))

    def _grafana(self, call: Call) -> Reply:
        if not call.bearer(self._stage.ref.secrets["GONOGO_GRAFANA_TOKEN"]):
            return Reply(status=401, body={"message": "Unauthorized"})
        if self.scraped.world.fault("grafana-down"):
            return Reply(status=503, body={"message": "database is locked"})
        if call.path == _GRAFANA_RULES:
            groups = alerting.groups(self.scraped.world, self.scraped.read)
            return Reply(body={"status": "success", "data": {"groups": groups}})
        if call.path.startswith(_GRAFANA_ALERTS):
            call.path = call.path.removeprefix(_GRAFANA_ALERTS)
            return alerting.alertmanager(self.scraped.world, self.scraped.read, call)
        if call.path == "/api/health":
            return Reply(body={"database": "ok", "version": "stand-in"})
        return Reply(status=404, body={"message": "Not found"})


def start(stage: Stage) -> None:
    """Serve all three; addresses prometheus, alertmanager, grafana."""
    observers = Observers(stage)
    stage.on_apply.append(observers.apply)
    for name in ("prometheus", "alertmanager", "grafana"):
        stage.ref.addresses[name] = HttpServer(getattr(observers, name), stage.host).url
