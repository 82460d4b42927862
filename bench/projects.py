"""Folders that are measured: ours with a checklist of N items, and the same checks as its peers would write them."""

from __future__ import annotations

import json
from pathlib import Path

_CONFTEST = 'pytest_plugins = ["gonogo.pytest_plugin"]\n'
_TEST_ITEM = "def test_item(item_key, judged, request):\n    judged(item_key, request.node)\n"
_INI = "[pytest]\naddopts = -p no:locust\n"

_ENVIRONMENT = """\
name: bench
system: bench
describe: A server that answers after 50 ms
release: release.yaml
sides:
  stable: {{url: 'http://127.0.0.1:{port}', health: /health}}
guards: {{live: false, max_requests: 1000}}
"""
_RELEASE = "version: v1.2.3\ncommit: 0123456789abcdef0123456789abcdef01234567\nimage: registry.example/bench:v1.2.3\n"
_HEAD = """\
system: bench
phase: predeploy
defaults: {area: technical, owner: bench, source: bench}
items:
"""
_ITEM = """\
  - id: bench-{number}
    title: {{en: The server is healthy at {path}}}
    probe: {{http: {{side: stable, path: {path}}}}}
    pass:
      - expect: {{value: status, equals: 200}}
      - expect: {{value: json.status, equals: healthy}}
    remedy: Look at the server.
"""
_HTTPX_TEST = """\


def test_check_{number}():
    response = httpx.get('http://127.0.0.1:{port}/check/{number}')
    assert response.status_code == 200
    assert response.json()['status'] == 'healthy'
"""


def ours(folder: Path, port: int, items: int, *, paths: int) -> Path:
    """A project with `items` checks that share `paths` distinct looks."""
    (folder / "checks").mkdir(parents=True)
    (folder / "environments").mkdir()
    _write(folder / "pytest.ini", _INI)
    _write(folder / "conftest.py", _CONFTEST)
    _write(folder / "environments" / "bench.yaml", _ENVIRONMENT.format(port=port))
    _write(folder / "environments" / "release.yaml", _RELEASE)
    entries = [_ITEM.format(number=number, path=f"/check/{number % paths}") for number in range(items)]
    _write(folder / "checks" / "bench.yaml", _HEAD + "".join(entries))
    _write(folder / "checks" / "test_checklist.py", _TEST_ITEM)
    return folder


def trivial(folder: Path, items: int) -> Path:
    """Bare pytest: one test that is parametrized `items` times and does nothing."""
    folder.mkdir(parents=True)
    _write(folder / "pytest.ini", _INI)
    text = "import pytest\n\n\n@pytest.mark.parametrize('number', range({}))\ndef test_item(number):\n    assert True\n"
    _write(folder / "test_trivial.py", text.format(items))
    return folder


def pytest_httpx(folder: Path, port: int, items: int) -> Path:
    """Plain pytest and httpx: one test a check, as the documentation of httpx writes a request."""
    folder.mkdir(parents=True)
    _write(folder / "pytest.ini", _INI)
    tests = [_HTTPX_TEST.format(number=number, port=port) for number in range(items)]
    _write(folder / "test_checks.py", "import httpx\n" + "".join(tests))
    return folder


def curl(folder: Path, port: int, items: int) -> Path:
    """The same requests for curl, as a config file."""
    folder.mkdir(parents=True)
    lines = [f'url = "http://127.0.0.1:{port}/check/{number}"\noutput = /dev/null\n' for number in range(items)]
    _write(folder / "curl.txt", "".join(lines))
    return folder


def newman(folder: Path, port: int, items: int) -> Path:
    """The same checks as a Postman collection."""
    folder.mkdir(parents=True)
    script = [
        "pm.test('status', () => pm.response.to.have.status(200));",
        "pm.test('healthy', () => pm.expect(pm.response.json().status).to.eql('healthy'));",
    ]
    entries = [
        {
            "name": f"check {number}",
            "request": {"method": "GET", "url": f"http://127.0.0.1:{port}/check/{number}"},
            "event": [{"listen": "test", "script": {"type": "text/javascript", "exec": script}}],
        }
        for number in range(items)
    ]
    schema = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
    document = {"info": {"name": "checks", "schema": schema}, "item": entries}
    _write(folder / "collection.json", json.dumps(document, indent=1))
    return folder


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
