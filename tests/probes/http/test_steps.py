"""What one step's answer says goes into the bodies of the steps after it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Seen
from gonogo.probes.http.steps import HttpStepsOptions, Step, look

FIRST = Step(path="/judge", method="POST", body={"policy": "RULE_ONLY"}, take={"execution": "result.id"})
SECOND = Step(path="/feedback", method="POST", body={"execution_id": "{execution}", "note": "of {execution}, {unique}"})


def run(serve: Any, stand: Any, tools: Any, answer: Any) -> tuple[Any, list[Any]]:
    first = tools.answer(json.dumps(answer).encode(), Connection="close")  # else a second request may meet its end
    server = serve(first, tools.answer(b'{"status": "accepted"}', "201 Created"))
    sight = look(HttpStepsOptions(side="canary", steps=(FIRST, SECOND)), stand(canary=server.url))
    assert isinstance(sight.outcome, Seen)
    return sight.outcome.data, [json.loads(one.partition(b"\r\n\r\n")[2]) for one in server.heard]


@pytest.mark.parametrize("value", [41, "r-7", 0, False, {"a": [1]}])
def test_a_value_keeps_its_type(serve: Any, stand: Any, tools: Any, value: Any) -> None:
    """A text that is the name and no more is the value; inside a text it stands as it is written."""
    data, bodies = run(serve, stand, tools, {"result": {"id": value}})
    assert [one["status"] for one in data["steps"]] == [200, 201]
    assert (bodies[1]["execution_id"], type(bodies[1]["execution_id"])) == (value, type(value))
    assert bodies[1]["note"].startswith("of {execution}, ")
    assert "{unique}" not in bodies[1]["note"]


@pytest.mark.parametrize("answer", [{"result": {}}, {"result": None}, [], {"result": {"id": None}}])
def test_without_the_value_the_next_step_is_not_sent(serve: Any, stand: Any, tools: Any, answer: Any) -> None:
    """What was seen until then is told."""
    data, bodies = run(serve, stand, tools, answer)
    assert (data["count"], len(bodies)) == (1, 1)


def test_a_body_that_names_nothing_is_sent_as_it_is(serve: Any, stand: Any, tools: Any) -> None:
    """Braces alone are no name."""
    server = serve(tools.answer())
    step = Step(path="/a", method="POST", body={"text": "{nobody}", "list": ["{}", "{unique}"]})
    look(HttpStepsOptions(side="canary", steps=(step,)), stand(canary=server.url))
    sent = json.loads(server.heard[0].partition(b"\r\n\r\n")[2])
    assert (sent["text"], sent["list"][0]) == ("{nobody}", "{}")
    assert len(sent["list"][1]) == 12


def test_steps_are_checked_when_they_are_read() -> None:
    """A path without its / is refused before anything is sent."""
    with pytest.raises(ConfigError):
        HttpStepsOptions(side="canary", steps=(Step(path="a"),))
