"""The look as a whole: its parts before anything is sent, its guards, and what it comes to."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gonogo.model.environment import Auth, AuthKind, BackEnd, Environment, Guards, Side
from gonogo.model.errors import ConfigError, GonogoError, SafetyRefusal
from gonogo.model.evidence import Cause, Seen, Unseen
from gonogo.probes.base import Vantage
from gonogo.probes.postman import probe
from gonogo.probes.postman.probe import PostmanOptions, look, parts, refuse

OPTIONS = PostmanOptions(collection="environments/c.json", side="staging")
NAMES = {"environment": "e.json", "url_variable": "baseUrl", "secret_variable": "token"}
Make = Callable[..., Environment]


@pytest.fixture
def project(tmp_path: Path, fake: Any, tools: Any, monkeypatch: pytest.MonkeyPatch) -> Make:
    """A project with a collection and its environment file, where newman is not installed."""
    (tmp_path / "environments").mkdir()
    monkeypatch.setattr(probe, "find", lambda _: None)

    def make(*items: Any, values: Any = None, side: str = "", secret: str | None = None, **guards: Any) -> Environment:
        info = {"name": "made", "schema": tools.schema}
        document = {"info": info, "item": list(items or (tools.request("A", "/a"),))}
        (tmp_path / "environments" / "c.json").write_text(json.dumps(document), encoding="utf-8")
        found = [{"key": "baseUrl", "value": "https://production.example"}, *(values or [])]
        (tmp_path / "environments" / "e.json").write_text(json.dumps({"values": found}), encoding="utf-8")
        auth = Auth(kind=AuthKind.BEARER, secret=secret) if secret else Auth()
        names = NAMES if secret else {key: value for key, value in NAMES.items() if key != "secret_variable"}
        return Environment(
            name="here",
            system="factory",
            describe="",
            sides={"staging": Side(url=side or fake.url)},
            back_ends={"postman": BackEnd(auth=auth, names=names)},
            guards=Guards(**guards),
        )

    return make


def see(environment: Environment, tmp_path: Path) -> Seen | Unseen:
    vantage = Vantage(
        environment=environment,
        release=None,
        now=datetime.now(tz=UTC),
        t0=None,
        reveal={"FACTORY_TOKEN": "t0k-secret"}.__getitem__,
        base=str(tmp_path / "environments"),
    )
    try:
        return look(OPTIONS, vantage).outcome
    finally:
        vantage.close()


def test_every_request_is_told_and_goes_to_the_side(fake: Any, project: Make, tools: Any, tmp_path: Path) -> None:
    """The file's own address does not count; the secret goes into its variable and into no evidence."""
    fake.answers |= {"/a": {"id": 1}, "/b": {}}
    bearer = {"type": "bearer", "bearer": [{"key": "token", "value": "{{token}}"}]}
    test = "pm.test('status', () => pm.response.to.have.status(200));"
    environment = project(
        tools.request("첫 요청", "/a", test, auth=bearer), tools.request("B", "/b"), secret="FACTORY_TOKEN"
    )
    outcome = see(environment, tmp_path)
    assert isinstance(outcome, Seen)
    data = outcome.data
    assert [(one["id"], one["name"], one["status"]) for one in data["requests"]] == [
        ("01", "첫 요청", 200),
        ("02-b", "B", 200),
    ]
    assert (data["runner"], data["count"], data["answered"], data["not_answered"]) == ("native", 2, 2, [])
    assert fake.calls[0].headers["authorization"] == "Bearer t0k-secret"
    assert "t0k-secret" not in json.dumps(data)


def test_no_answer_at_all_is_the_sides(project: Make, tmp_path: Path) -> None:
    """So that the control rule tells a failing side from a failing observer."""
    outcome = see(project(side="http://127.0.0.1:1"), tmp_path)
    assert isinstance(outcome, Unseen)
    assert outcome.cause is Cause.UNREACHABLE


def test_parts_are_the_requests_in_their_order(project: Make, tools: Any, tmp_path: Path) -> None:
    """Folders are walked through; an id is of a-z, 0-9 and -."""
    folder = {"name": "F", "item": [tools.request("B / ü?", "/b"), tools.request("", "/c")]}
    project(tools.request("A", "/a"), folder, tools.request("A", "/a"))
    found = [(part.key, part.title) for part in parts(OPTIONS, tmp_path)]
    assert found == [("01-a", "A"), ("02-b", "B / ü?"), ("03", "03"), ("04-a", "A")]


@pytest.mark.parametrize(
    ("url", "before"),
    [
        ("https://evil.example/a", ""),
        ("http://169.254.169.254/latest", ""),
        ("{{baseUrl}}.evil.example/a", ""),
        ("{{baseUrl}}@evil.example/a", ""),
        ("{{made}}/a", "pm.environment.set('made', 'https://evil.example');"),
        ("{{baseUrl}}{{made}}", "pm.environment.set('made', '@evil.example');"),
        ("{{baseUrl}}/a", "pm.environment.set('baseUrl', 'https://evil.example');"),
        ("https://{{$guid}}/a", ""),
        ("ftp://127.0.0.1/a", ""),
        ("/a", ""),
        ("127.0.0.1/a", ""),
        ("https:\\\\evil.example", ""),
    ],
)
def test_nothing_goes_where_the_environment_does_not_say(
    fake: Any, project: Make, tmp_path: Path, url: str, before: str
) -> None:
    """Refused when the project is read, and once more before the look sends anything."""
    event = [{"listen": "prerequest", "script": {"exec": [before]}}] if before else []
    environment = project({"name": "A", "event": event, "request": {"method": "GET", "url": url}})
    with pytest.raises(SafetyRefusal):
        refuse(OPTIONS, environment, tmp_path / "environments")
    with pytest.raises(SafetyRefusal):
        see(environment, tmp_path)
    assert fake.calls == []


def test_a_collection_for_one_side_does_not_write_to_another(
    fake: Any, project: Make, tools: Any, tmp_path: Path
) -> None:
    """Its requests write: those of staging's collection are not for production, unless the guards name its host."""
    production = {"production": Side(url="https://production.example")}
    beside = {"learning": BackEnd(address="https://production.example")}
    item = tools.request("A", "https://production.example/run")
    environment = project(item)
    environment = replace(
        environment,
        sides={**environment.sides, **production},
        back_ends={**environment.back_ends, **beside},
    )
    with pytest.raises(SafetyRefusal, match=r"'production\.example'"):
        refuse(OPTIONS, environment, tmp_path / "environments")
    with pytest.raises(SafetyRefusal):
        see(environment, tmp_path)
    assert fake.calls == []
    refuse(OPTIONS, replace(environment, guards=Guards(hosts=("production.example",))), tmp_path / "environments")
    same = replace(environment, sides={"staging": production["production"], **production})
    refuse(OPTIONS, same, tmp_path / "environments")


def test_hosts_that_the_guards_name_are_allowed(project: Make, tools: Any, tmp_path: Path) -> None:
    """And so is an address that is not known yet."""
    environment = project(tools.request("A", "https://login.example/token"), hosts=("login.example",))
    refuse(OPTIONS, environment, tmp_path / "environments")
    later = replace(project(), sides={"staging": Side(url="address:api-staging")})
    refuse(OPTIONS, later, tmp_path / "environments")


def _without(key: str) -> dict[str, str]:
    return {name: value for name, value in NAMES.items() if name not in (key, "secret_variable")}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda p, t: p(t.request("A", "/{{typo}}")), "needs {{typo}}, which nothing gives a value"),
        (lambda p, _: p(values=[{"key": "k", "value": "v", "type": "secret"}]), "holds the secret 'k'"),
        (lambda p, _: p(values=[{"value": "v"}]), "has a key and a value"),
        (lambda p, _: p({"name": "F", "item": []}), "holds no request"),
        (lambda p, _: p({"name": "A"}), "no Postman collection: KeyError"),
        (
            lambda p, _: replace(p(), back_ends={"postman": BackEnd(names=_without("url_variable"))}),
            "names.url_variable",
        ),
        (lambda p, _: replace(p(), back_ends={"postman": BackEnd(names=NAMES)}), "go together"),
    ],
)
def test_what_cannot_be_run_is_one_line_before_anything_is_sent(
    project: Make, tools: Any, tmp_path: Path, change: Any, said: str
) -> None:
    """Exit 4, with the file."""
    environment = change(project, tools)
    with pytest.raises(GonogoError, match=said.replace("{", "\\{").replace(".", "\\.")) as raised:
        refuse(OPTIONS, environment, tmp_path / "environments")
    assert isinstance(raised.value, ConfigError)


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}", '{"info": {"schema": "https://x/v2.0.0/collection.json"}, "item": []}']
)
def test_a_file_that_is_no_collection_is_told(project: Make, tmp_path: Path, text: str) -> None:
    """Also one of an older version."""
    project()
    (tmp_path / "environments" / "c.json").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"c\.json"):
        parts(OPTIONS, tmp_path)


def test_what_changes_or_deletes_is_named(project: Make, tools: Any, tmp_path: Path) -> None:
    """A request that is neither read nor posted is allowed by name."""
    project(tools.request("Cleanup", "/a", method="DELETE"))
    with pytest.raises(ConfigError, match="01-cleanup is DELETE; name it under `methods` to allow it"):
        parts(OPTIONS, tmp_path)
    assert len(parts(replace(OPTIONS, methods=("GET", "DELETE")), tmp_path)) == 1


def test_a_collection_has_a_declared_size(project: Make, tools: Any, tmp_path: Path) -> None:
    """A plan knows how many requests it may send at the most."""
    project(*(tools.request("A", "/a") for _ in range(31)))
    with pytest.raises(ConfigError, match="holds 31 requests; at_most is 30"):
        parts(OPTIONS, tmp_path)
    assert OPTIONS.times == 30
