"""The address of a service into a project that gates it: an environment, a checklist, a conftest.py."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import urlsplit

from gonogo.model.errors import ConfigError, SafetyRefusal

_NAME = re.compile(r"[a-z][a-z0-9-]{0,40}\Z")
_NO_ADDRESS = "{!r} is not an address; write http://HOST:PORT/health or https://HOST/health"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")

_CONFTEST = '''"""Names the gate's pytest plugin."""

pytest_plugins = ["gonogo.pytest_plugin"]
'''

_PYTEST = """[pytest]
testpaths = checks
addopts = -p no:locust --strict-markers --import-mode=importlib
"""

_TEST = '''"""The one test that every checklist item becomes."""


def test_item(item_key, judged, request):
    """The item passes if its evidence does."""
    judged(item_key, request.node)
'''

_ENVIRONMENT = """# Where: one target of the gate. `pytest -m predeploy --env {name}` looks at it.
name: {name}
system: {name}
describe: {describe}
sides:
  stable: {{url: {url}, health: {health}}}
objectives:
  health_time: {{below: 2, unit: s}}
guards:
  live: {live}  # true: a live system, https only
  profiles: [gentle]
  max_requests: 50
"""

_CHECKLIST = """# What is verified before a release of {name}. One item is one test; its id stays for ever.
system: {name}
phase: predeploy
defaults: {{area: technical, owner: on call, source: runbook}}
items:
  - id: {name}-pre-health
    title: {{en: The service answers its health check, ko: 서비스 상태 확인 응답}}
    probe: {{http: {{side: stable, path: {health}}}}}
    pass:
      - expect: {{value: status, equals: 200, name: HTTP status}}
      - expect: {{value: elapsed_ms, objective: health_time, unit: ms, name: time to answer}}
    remedy: Read the service's log, then restart it or roll back.
"""


def initialise(root: Path, url: str, name: str | None = None) -> tuple[tuple[str, bool], ...]:
    """Files from the root, each with whether it was written (False: it was there and stays as it is).

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
    name = name or _name_of(host)
    if not _NAME.match(name):
        raise ConfigError(f"a name is made of a-z, 0-9 and -, and starts with a letter, not {name!r}; give --name")
    shown = f"[{host}]" if ":" in host else host
    base = f"{parts.scheme}://{shown}" + (f":{port}" if port else "")
    facts = {
        "name": name,
        "url": _quoted(base),
        "health": _quoted(parts.path if len(parts.path) > 1 else "/health"),
        "describe": _quoted(f"{name} at {base}"),
        "live": "false" if parts.scheme == "http" or host in _LOOPBACK else "true",
    }
    files = {
        "conftest.py": _CONFTEST,
        f"environments/{name}.yaml": _ENVIRONMENT.format(**facts),
        f"checks/{name}/predeploy.yaml": _CHECKLIST.format(**facts),
        "checks/test_checklist.py": _TEST,
    }
    if not _has_pytest_settings(root):
        files["pytest.ini"] = _PYTEST
    return tuple((path, _write(root / path, text)) for path, text in files.items())


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _name_of(host: str) -> str:
    first = host.split(".", maxsplit=1)[0].lower()
    return first if _NAME.match(first) and first != "localhost" else "service"


def _has_pytest_settings(root: Path) -> bool:
    if (root / "pytest.ini").exists() or (root / ".pytest.ini").exists():
        return True
    try:
        return "[tool.pytest" in (root / "pyproject.toml").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False


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
