"""Another team's first quarter of an hour: the built wheel, an empty directory, one address."""

from __future__ import annotations

import http.server
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from gonogo.model.sealed import sealed

ROOT = Path(__file__).parents[1]
SCRIPTS = "Scripts" if os.name == "nt" else "bin"


class Shop(http.server.ThreadingHTTPServer):
    """A service that answers /health with `status`."""

    status = 200


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Shop)
        body = json.dumps({"status": "healthy" if self.server.status == 200 else "on fire"}).encode()
        self.send_response(self.server.status if self.path == "/health" else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def shop() -> Iterator[Shop]:
    server = Shop(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts of a fresh environment that holds the wheel; it shares other people's packages with this one."""
    folder = tmp_path_factory.mktemp("adoption")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "src", source / "src", ignore=shutil.ignore_patterns("__pycache__"))
    _run([sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(folder), str(source)], folder)
    (wheel,) = folder.glob("gonogo-*.whl")
    shutil.rmtree(source)
    home = folder / "venv"
    _run([sys.executable, "-m", "venv", "--without-pip", str(home)], folder)
    python = str(home / SCRIPTS / "python")
    site = _run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], folder).strip()
    (Path(site) / "shared.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    both = [str(wheel), f"pytest=={version('pytest')}"]
    _run([sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", "-I", *both], folder)
    where = _run([python, "-c", "import gonogo; print(gonogo.__file__)"], folder).strip()
    assert Path(where).is_relative_to(home), f"gonogo is not the wheel's: {where}"
    return home / SCRIPTS


@pytest.fixture
def use(installed: Path, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run an installed command in the empty directory, as a user without any settings does."""
    kept = ("PATH", "SYSTEMROOT", "TMPDIR", "TEMP", "TMP")
    environment = {name: os.environ[name] for name in kept if name in os.environ} | {"HOME": str(tmp_path / "home")}
    folder = tmp_path / "project"
    folder.mkdir()

    def run(command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(installed / command), *arguments],
            cwd=folder, env=environment, capture_output=True, encoding="utf-8", check=False, timeout=60,
        )  # fmt: skip

    return run


def test_a_wheel_an_empty_directory_and_an_address_make_a_gate(
    use: Callable[..., subprocess.CompletedProcess[str]], shop: Shop, tmp_path: Path
) -> None:
    """`gonogo init URL`, then `pytest -m predeploy --env NAME`: GO in health, NO-GO with a reason when it is broken."""
    folder, url = tmp_path / "project", f"http://127.0.0.1:{shop.server_port}/health"
    begun = use("gonogo", "init", url, "--name", "shop")
    assert begun.returncode == 0, begun.stderr
    assert begun.stdout.splitlines()[-1] == "next:  pytest -m predeploy --env shop"
    gate = begun.stdout.splitlines()[-1].removeprefix("next:  ").split()

    healthy = use(*gate)
    assert healthy.returncode == 0, healthy.stdout + healthy.stderr
    assert "GO  1 of 1 due items passed" in healthy.stdout
    (run,) = (folder / "reports" / "out").iterdir()
    verdict = json.loads((run / "verdict.json").read_bytes())
    assert (verdict["decision"], verdict["exit_status"], verdict["environment"]) == ("GO", 0, "shop")

    shop.status = 500
    sick = use(*gate)
    assert sick.returncode == 1, sick.stdout + sick.stderr
    assert "500" in sick.stdout
    assert "next Read the service's log" in sick.stdout

    shop.shutdown()
    shop.server_close()
    down = use(*gate)
    assert down.returncode in (1, 6), down.stdout + down.stderr
    assert f"127.0.0.1:{shop.server_port}" in down.stdout
    assert "refused" in down.stdout

    listed = use("gonogo", "list")
    assert (listed.returncode, listed.stdout.splitlines()[-1]) == (0, "1 item")
    told = use("gonogo", "explain", "shop-pre-health", "--env", "shop")
    assert told.returncode == 0, told.stderr
    assert "health_time < 2 s" in told.stdout
    again = use("gonogo", "judge", str(run))
    assert again.returncode == 0, again.stdout + again.stderr
    assert again.stdout.splitlines()[-1].startswith("GO  1 of 1")
    assert use("gonogo", "verify", str(run)).returncode == 0

    written = [folder / line.removeprefix("wrote  ") for line in begun.stdout.splitlines() if line.startswith("wrote")]
    for path in written:
        path.write_text(f"# mine: {path.name}\n", encoding="utf-8")
    second = use("gonogo", "init", url, "--name", "shop")
    assert (second.returncode, "wrote" in second.stdout, len(written)) == (0, False, 6)
    assert all(path.read_text(encoding="utf-8") == f"# mine: {path.name}\n" for path in written)


def _run(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_the_wheel_draws_the_page_of_a_load_run(
    use: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    """The charting library and its style come with the wheel."""
    profile = {"name": "gentle", "workload": "closed", "requests": 3, "rate": None, "duration_s": None, "delay_s": 2.0}
    document = {
        "schema": "gonogo/load/1",
        "run_id": "a",
        "environment": "shop",
        "profile": profile | {"connections": 1, "proves": []},
        "started": "2026-11-20T12:00:00+00:00",
        "ended": "2026-11-20T12:00:01+00:00",
        "decision": "HOLD",
        "reasons": ["nothing was sent"],
        "workers": {"expected": 1, "seen": 1},
        "sides": {},
        "timeline": [],
    }
    run = tmp_path / "run"
    run.mkdir()
    (run / "load.json").write_text(json.dumps(sealed(document)), encoding="utf-8")
    drawn = use("gonogo", "page", str(run))
    assert drawn.returncode == 0, drawn.stderr
    page = (run / "load.html").read_text(encoding="utf-8")
    assert "nothing was sent" in page
    assert "https://github.com/leeoniya/uPlot (v1.6.32)" in page
