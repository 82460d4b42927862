"""The address of a service into a project that gates it: an environment, a checklist, a conftest.py."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from gonogo.model.errors import ConfigError, SafetyRefusal

_NAME = re.compile(r"[a-z][a-z0-9-]{0,40}\Z")
_NO_ADDRESS = "{!r} is not an address; write http://HOST:PORT/health or https://HOST/health"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")

_PLUGIN = "gonogo.pytest_plugin"
_YAML_WORDS = ("no", "yes", "on", "off", "true", "false", "null", "y", "n")  # no texts where they stand bare
_SETTINGS = (  # in pytest's own order, with what makes it one
    ("pytest.toml", ""),
    (".pytest.toml", ""),
    ("pytest.ini", ""),
    (".pytest.ini", ""),
    ("pyproject.toml", "[tool.pytest"),
    ("tox.ini", "[pytest]"),
    ("setup.cfg", "[tool:pytest]"),
)

_CONFTEST = '''"""Names the gate's pytest plugin."""

pytest_plugins = ["gonogo.pytest_plugin"]
'''

_PYTEST = """[pytest]
testpaths = checks
addopts = -p no:locust --strict-markers --import-mode=importlib
"""

_PYTEST_BESIDE_TESTS = """[pytest]
testpaths = {tests}
addopts = -p no:locust
"""

_IGNORE = "out/\n"

_TEST = '''"""The one test that every checklist item becomes."""


def test_item(item_key, judged, request):
    """The item passes if its evidence does."""
    judged(item_key, request.node)
'''

_ENVIRONMENT = """# Where: one target of the gate. `pytest -m predeploy --env {file}` looks at it.
# `gonogo schema environment` says what else may stand here.
name: {name}
system: {name}
describe: {describe}
sides:  # what answers HTTP; a canary or a staging would be another line
  stable: {{url: {url}, health: {health}}}
objectives:
  health_time: {{below: 2, unit: s}}
guards:
  live: {live}  # a live system is spoken to over https only
  profiles: [gentle]
  max_requests: 50  # no run sends more
"""

_CHECKLIST = """# What is verified before a release of {file}. One item is one test; its id stays for ever.
# `gonogo explain {file}-pre-health` says what it looks at and what turns it red.
system: {name}
phase: predeploy
defaults: {{area: technical, owner: on call, source: runbook}}
items:
  - id: {file}-pre-health
    title: {{en: The service answers its health check, ko: 서비스 상태 확인 응답}}
    probe: {{http: {{side: stable}}}}  # asks for the side's health path
    pass:
      - expect: {{value: status, equals: 200, name: HTTP status}}
      - expect: {{value: elapsed_ms, objective: health_time, unit: ms, name: time to answer}}
    remedy: Read the service's log, then restart it or roll back.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A project to gate from: its environment, its files (False: was there, stays as it is), what to do next."""

    name: str
    files: tuple[tuple[str, bool], ...]
    command: str
    notes: tuple[str, ...]


def initialise(root: Path, url: str, name: str | None = None, *, live: bool = True) -> Begun:
    """Write what is missing below the root and say how to run it. Loopback addresses are never live.

    ConfigError for an address or name that makes no environment; SafetyRefusal for one that leads past a guard.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ConfigError(_NO_ADDRESS.format(url)) from None
    if parts.username is not None or parts.query or parts.fragment:
        raise SafetyRefusal("the address holds a user, query or fragment; name secrets in the environment file instead")
    if parts.scheme not in ("http", "https") or not host or not url.isprintable() or " " in url:
        raise ConfigError(_NO_ADDRESS.format(url))
    live = live and host not in _LOOPBACK
    if live and parts.scheme == "http":
        raise SafetyRefusal(
            f"http to {host} is not encrypted, and a live system is spoken to over https only; "
            "give its https address, or say --not-live if this is none"
        )
    name = name or _name_of(host)
    if not _NAME.match(name):
        raise ConfigError(f"a name is made of a-z, 0-9 and -, and starts with a letter, not {name!r}; give --name")
    shown = f"[{host}]" if ":" in host else host
    base = f"{parts.scheme}://{shown}" + (f":{port}" if port else "")
    has_path = len(parts.path) > 1
    facts = {
        "file": name,
        "name": _quoted(name) if name in _YAML_WORDS else name,
        "url": _quoted(base),
        "health": _quoted(parts.path if has_path else "/health"),
        "describe": _quoted(f"{name} at {base}"),
        "live": "true" if live else "false",
    }
    files = {
        "conftest.py": _CONFTEST,
        f"environments/{name}.yaml": _ENVIRONMENT.format(**facts),
        f"checks/{name}/predeploy.yaml": _CHECKLIST.format(**facts),
        "checks/test_checklist.py": _TEST,
        "reports/.gitignore": _IGNORE,
    }
    if _settings(root) is None:
        tests = next((folder for folder in ("tests", "test") if (root / folder).is_dir()), None)
        files["pytest.ini"] = _PYTEST_BESIDE_TESTS.format(tests=tests) if tests else _PYTEST
    written = tuple((path, _write(root / path, text)) for path, text in files.items())
    words, notes = _how(root)
    environment = f"environments/{name}.yaml"
    if not dict(written)[environment] and _quoted(base) not in _text(root / environment):
        notes.insert(0, f"{environment} stays as it is and does not name {base}; --name NAME writes another one")
    elif not has_path:
        notes.insert(0, f"the address has no path: /health is asked for; change `health` in {environment} if it is not")
    command = " ".join(("pytest", *words, "-m predeploy --env", name))
    return Begun(name=name, files=written, command=command, notes=tuple(notes))


def _how(root: Path) -> tuple[list[str], list[str]]:
    """What `pytest` has to be told here because of files that were there before, and notes on making it shorter."""
    words: list[str] = []
    notes: list[str] = []
    if _PLUGIN not in _text(root / "conftest.py"):
        words.append(f"-p {_PLUGIN}")
        notes.append(f'conftest.py does not name the plugin; with pytest_plugins = ["{_PLUGIN}"] there, -p can go')
    settings = _settings(root)
    said = _text(root / settings) if settings else ""
    if settings and "no:locust" not in said:
        words.append("-p no:locust")
        notes.append(f"{settings} holds the settings of pytest; `-p no:locust` fits into addopts there")
    if settings and not re.search(r"testpaths\s*=.*\bchecks\b", said):
        words.append("checks")
    return words, notes


def _settings(root: Path) -> str | None:
    """The file of this folder from which pytest takes its settings; what stands in one above is not asked."""
    for name, mark in _SETTINGS:
        path = root / name
        if path.is_file() and mark in _text(path):
            return name
    return None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _name_of(host: str) -> str:
    first = host.split(".", maxsplit=1)[0].lower()
    return first if _NAME.match(first) and first != "localhost" else "service"


def _write(path: Path, text: str) -> bool:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        if not path.is_file():
            raise ConfigError(f"{path}: something that is no file stands in the way") from None
        return False
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror})") from None
    return True
