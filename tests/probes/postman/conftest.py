"""Collections made in a test, run by either runner against a back end of the test."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gonogo.model.environment import Environment, Side
from gonogo.probes.base import Vantage
from gonogo.probes.deadline import Deadline
from gonogo.probes.postman.collection import Collection, read_collection
from gonogo.probes.postman.native import Runner
from gonogo.probes.postman.newman import run_newman
from gonogo.probes.postman.outcome import Result

SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
EACH = timedelta(seconds=5)


def request(name: str, path: str, *tests: str, method: str = "GET", before: Sequence[str] = (), **more: Any) -> Any:
    """One item of a collection."""
    scripts = {"test": list(tests), "prerequest": list(before)}
    events = [{"listen": listen, "script": {"exec": lines}} for listen, lines in scripts.items() if lines]
    url = path if "://" in path else "{{baseUrl}}" + path
    return {"name": name, "event": events, "request": {"method": method, "url": url, "header": [], **more}}


class Tools:
    """What the tests of this folder share: with importlib mode a test module has no siblings to import."""

    request = staticmethod(request)
    schema = SCHEMA


@pytest.fixture(scope="session")
def tools() -> type[Tools]:
    return Tools


@pytest.fixture
def collect(tmp_path: Path) -> Callable[..., Collection]:
    """A collection of these items, by way of a file."""

    def make(*items: Any, **more: Any) -> Collection:
        path = tmp_path / "c.json"
        document = {"info": {"name": "made", "schema": SCHEMA}, "item": list(items), **more}
        path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
        return read_collection(path, "c.json")

    return make


@pytest.fixture(scope="session")
def newman() -> str:
    """The program; skipped where neither it nor, in CI, npm to install it is there."""
    found = os.environ.get("GONOGO_TEST_NEWMAN") or shutil.which("newman")
    if found is None:
        if os.environ.get("CI") and shutil.which("npm"):
            pytest.fail("newman was not installed though npm is here")
        pytest.skip("newman is not installed: npm install -g newman")
    return found


@pytest.fixture
def native(fake: Any) -> Callable[..., list[Result]]:
    """Run a collection by the part of Postman that is known here."""

    def run(collection: Collection, values: Mapping[str, str] | None = None, *, seconds: float = 60) -> list[Result]:
        sides = {"staging": Side(url=fake.url)}
        environment = Environment(name="here", system="factory", describe="", sides=sides)
        vantage = Vantage(environment=environment, release=None, now=None, t0=None, reveal=str)  # type: ignore[arg-type]
        try:
            runner = Runner(collection, {"baseUrl": fake.url, **(values or {})}, vantage, None)
            return runner.run(Deadline(timedelta(seconds=seconds)), EACH)
        finally:
            vantage.close()

    return run


@pytest.fixture
def by_newman(fake: Any, newman: str) -> Callable[..., list[Result]]:
    """Run it by newman."""

    def run(collection: Collection, values: Mapping[str, str] | None = None, *, seconds: float = 60) -> list[Result]:
        return run_newman(
            newman,
            collection,
            {"baseUrl": fake.url, **(values or {})},
            hosts={"127.0.0.1"},
            ca=None,
            deadline=Deadline(timedelta(seconds=seconds)),
            each=EACH,
        )

    return run
