"""The command line, from outside: what it prints, what it leaves, how it ends."""

from __future__ import annotations

import http.server
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from gonogo.cli import main
from gonogo.config.environment import load_environment
from gonogo.flows.initialise import initialise
from gonogo.model.errors import ConfigError, SafetyRefusal

ROOT = Path(__file__).parents[1]


class Health(http.server.BaseHTTPRequestHandler):
    asked = 0

    def do_GET(self) -> None:
        type(self).asked += 1
        body = b'{"status": "healthy"}'
        self.send_response(200 if self.path == "/health" else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Health)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/health"
    server.shutdown()


@pytest.fixture(scope="module")
def adopted(service: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project made by `gonogo init`, with one recorded run."""
    root = tmp_path_factory.mktemp("adopted")
    done = gonogo("init", service, "--name", "shop", cwd=root)
    assert done.returncode == 0, done.stderr
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-m", "predeploy", "--env", "shop", "-q"],
        cwd=root, capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "GO  1 of 1 due items passed" in ran.stdout
    return root


@pytest.fixture
def recorded(adopted: Path, tmp_path: Path) -> Path:
    """A copy of that run's folder."""
    (folder,) = (adopted / "reports" / "out").iterdir()
    return Path(shutil.copytree(folder, tmp_path / "run"))


def gonogo(*arguments: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gonogo.cli", *arguments]
    return subprocess.run(
        command, cwd=cwd, capture_output=True, encoding="utf-8", env={**os.environ, **environment}, check=False
    )


def test_init_writes_a_project_and_never_overwrites(adopted: Path, service: str) -> None:
    """Six files, and a second init leaves every one of them as it is."""
    names = [
        "conftest.py",
        "environments/shop.yaml",
        "checks/shop/predeploy.yaml",
        "checks/test_checklist.py",
        "reports/.gitignore",
        "pytest.ini",
    ]
    before = {name: (adopted / name).read_bytes() for name in names}
    (adopted / "conftest.py").write_text("# mine\n", encoding="utf-8")
    done = gonogo("init", service, "--name", "shop", cwd=adopted)
    assert done.returncode == 0
    assert (adopted / "conftest.py").read_text(encoding="utf-8") == "# mine\n"
    assert "kept   environments/shop.yaml" in done.stdout
    assert "wrote" not in done.stdout
    (adopted / "conftest.py").write_bytes(before["conftest.py"])
    assert {name: (adopted / name).read_bytes() for name in names} == before


@pytest.mark.parametrize(
    ("url", "error", "message"),
    [
        ("shop.example", ConfigError, "is not an address"),
        ("ftp://shop.example/", ConfigError, "is not an address"),
        ("http://[::1", ConfigError, "is not an address"),
        ("http://h:99999/", ConfigError, "is not an address"),
        ("http://h/a b", ConfigError, "is not an address"),
        ("https://kim:pass@shop.example/", SafetyRefusal, "holds a user"),
        ("https://shop.example/?token=abc", SafetyRefusal, "holds a user, query"),
        ("http://shop.example/health", SafetyRefusal, "give its https address, or say --not-live"),
    ],
)
def test_init_refuses_what_is_no_address(url: str, error: type[Exception], message: str, tmp_path: Path) -> None:
    """Rows 70 and 73: nothing is written, and no secret goes into a file."""
    with pytest.raises(error, match=message):
        initialise(tmp_path, url)
    assert list(tmp_path.iterdir()) == []


def test_init_names_itself_after_the_host_and_guards_what_is_live(tmp_path: Path) -> None:
    """Https is a live system; its file says so and loads; settings of pytest that are there stay."""
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\n", encoding="utf-8")
    begun = initialise(tmp_path, "https://shop.example:8443/api/health")
    assert "pytest.ini" not in dict(begun.files)
    assert begun.command == "pytest -p no:locust checks -m predeploy --env shop"
    text = (tmp_path / "environments/shop.yaml").read_text(encoding="utf-8")
    assert 'url: "https://shop.example:8443", health: "/api/health"' in text
    assert "live: true" in text
    assert "environments/service.yaml" in dict(initialise(tmp_path, "http://127.0.0.1:8000/").files)
    with pytest.raises(ConfigError, match="a name is made of"):
        initialise(tmp_path, "http://127.0.0.1/", "../x")


@pytest.mark.parametrize(
    ("url", "arguments", "live"),
    [
        ("https://no.example/ready", {}, True),
        ("https://on.example/a%20b/%7B%7D'", {}, True),
        ("https://쇼핑.example", {}, True),
        ("https://staging.example/", {"live": False}, False),
        ("http://staging.example:8080/health", {"live": False}, False),
        ("https://127.0.0.1:8443/health", {}, False),
        ("http://localhost:1/health", {}, False),
        ("http://[::1]:1/health", {}, False),
        ("https://shop.example/health", {"name": "null"}, True),
        ("https://shop.example/health", {"name": "a-"}, True),
    ],
)
def test_what_init_writes_passes_the_strict_reader(url: str, arguments: Any, live: bool, tmp_path: Path) -> None:
    """Any address it takes makes an environment with one side and a checklist that load."""
    begun = initialise(tmp_path, url, **arguments)
    environment = load_environment(begun.name, tmp_path / "environments")
    assert environment.guards.live is live
    assert list(environment.sides) == ["stable"]
    side = environment.sides["stable"]
    assert side.url + side.health in (url, f"{url}/health", f"{url}health")
    done = gonogo("list", "--env", begun.name, cwd=tmp_path)
    assert f"{begun.name}-pre-health  predeploy" in done.stdout, done.stderr


def test_init_fits_into_a_project_that_has_tests(tmp_path: Path) -> None:
    """Settings, conftest.py and tests of the project stay, and the command it prints works there."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_own.py").write_text("def test_own(): pass\n", encoding="utf-8")
    bare = gonogo("init", "http://127.0.0.1:1/health", "--name", "shop", cwd=tmp_path)
    assert bare.stdout.endswith("next:  pytest checks -m predeploy --env shop\n")
    own = subprocess.run(
        [sys.executable, "-m", "pytest", "-q"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert "1 passed" in own.stdout, own.stdout + own.stderr
    (tmp_path / "pytest.ini").unlink()
    (tmp_path / "setup.cfg").write_text("[tool:pytest]\ntestpaths = tests\n", encoding="utf-8")
    (tmp_path / "conftest.py").write_text("# mine\n", encoding="utf-8")
    again = gonogo("init", "http://127.0.0.1:2/health", "--name", "shop", cwd=tmp_path)
    assert "note:  environments/shop.yaml stays as it is and does not name http://127.0.0.1:2" in again.stdout
    command = again.stdout.splitlines()[-1].removeprefix("next:  ").split()
    assert " ".join(command) == "pytest -p gonogo.pytest_plugin -p no:locust checks -m predeploy --env shop"
    ran = subprocess.run(
        [sys.executable, "-m", *command], cwd=tmp_path, capture_output=True, encoding="utf-8", check=False
    )
    assert ran.returncode in (1, 6), ran.stdout + ran.stderr
    assert "shop-pre-health" in ran.stdout


def test_a_run_without_an_environment_names_those_that_are_there(adopted: Path) -> None:
    """The default is the rehearsal; where there is none, the line says what --env takes."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-m", "predeploy"],
        cwd=adopted, capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == 4, done.stdout
    assert "there is no environment 'local' (environments/ has shop)" in done.stderr


def test_judge_gives_the_same_verdict_again_and_sends_nothing(recorded: Path) -> None:
    """Same decision, same verdict of every item, also by another process; no request reaches the service."""
    asked = Health.asked
    done = gonogo("judge", str(recorded), "-v", cwd=recorded)
    assert done.returncode == 0, done.stderr
    assert "PASS  shop-pre-health" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("GO  1 of 1 due items passed")
    assert Health.asked == asked


def test_judge_with_limits_of_an_environment(adopted: Path, recorded: Path) -> None:
    """--env judges the same evidence by the limits that stand there now."""
    strict = adopted / "environments" / "strict.yaml"
    text = (adopted / "environments/shop.yaml").read_text(encoding="utf-8")
    text = text.replace("name: shop", "name: strict", 1).replace("{below: 2, unit: s}", "{below: 0.000001, unit: s}")
    strict.write_text(text, encoding="utf-8")
    try:
        done = gonogo("judge", str(recorded), "--env", "strict", cwd=adopted)
    finally:
        strict.unlink()
    assert done.returncode == 1, done.stdout + done.stderr
    assert "FAIL  shop-pre-health" in done.stdout
    assert "strict.yaml:" in done.stdout


def test_judge_holds_a_run_that_was_touched(recorded: Path) -> None:
    """Row 90: evidence that was changed decides nothing."""
    path = recorded / "evidence.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"status":200', b'"status":201'))
    done = gonogo("judge", str(recorded), cwd=recorded)
    assert done.returncode in (1, 6)
    assert "changed after it was written" in done.stdout


def test_judge_holds_a_run_without_its_verdict(recorded: Path) -> None:
    """Rows 79 and 83: a run that was killed is HOLD, however good its evidence."""
    (recorded / "verdict.json").unlink()
    done = gonogo("judge", str(recorded), cwd=recorded)
    assert done.returncode == 6
    assert "verdict.json is not there: the run did not end" in done.stdout


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 99}', '{"schema": 1}', "null"])
def test_judge_of_a_broken_plan_is_one_line(text: str, recorded: Path) -> None:
    """Row 88: a corrupt or foreign state file is a configuration error, without a traceback."""
    (recorded / "plan.json").write_text(text, encoding="utf-8")
    done = gonogo("judge", str(recorded), cwd=recorded)
    assert done.returncode == 4
    assert done.stderr.startswith("gonogo: ")
    assert len(done.stderr.splitlines()) == 1
    assert "plan.json" in done.stderr


def test_verify(recorded: Path, tmp_path: Path) -> None:
    """0 for a whole run; 6 with one line a problem otherwise."""
    whole = gonogo("verify", str(recorded))
    assert (whole.returncode, "whole" in whole.stdout) == (0, True)
    with (recorded / "plan.json").open("a", encoding="utf-8") as file:
        file.write(" ")
    touched = gonogo("verify", str(recorded))
    assert touched.returncode == 6
    assert touched.stdout.startswith("plan.json: changed after the verdict")
    assert gonogo("verify", str(tmp_path / "no")).returncode == 6


def test_list_shows_every_item_once(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """By phase, as text and as JSON; narrowed by phase, system and environment."""
    monkeypatch.chdir(ROOT)
    assert main(["list", "--phase", "predeploy", "--system", "ion"]) == 0
    text = capsys.readouterr().out
    assert "ion-pre-api-health" in text
    assert text.endswith("25 items\n")
    assert main(["list", "--system", "ion", "--env", "local", "--json"]) == 0
    items = json.loads(capsys.readouterr().out)
    assert len({item["id"] for item in items}) == len(items) >= 112
    one = next(item for item in items if item["id"] == "ion-pre-api-health")
    assert one["title"]["ko"]
    assert one["phase"] == "predeploy"
    assert one["pass"]


def test_list_works_anywhere_in_the_project(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The project is found from a folder below."""
    monkeypatch.chdir(ROOT / "checks" / "ion")
    assert main(["list"]) == 0
    assert "ion-pre-api-health" in capsys.readouterr().out


def test_explain_says_rule_evidence_limit_fault_and_next_step(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that a person asks of an item, without sending anything."""
    monkeypatch.chdir(ROOT)
    assert main(["explain", "ion-post-p95"]) == 0
    text = capsys.readouterr().out
    for label in ("Korean", "when", "who", "looks at", "passes if", "limit", "turns red", "next step", "source"):
        assert f"  {label:<10}  " in text
    assert "p95 < 2 s" in text
    assert "ion-base.yaml:" in text
    assert main(["explain", "fac-approval"]) == 0  # on the rehearsal that comes with `local`
    assert "gonogo signoff" not in capsys.readouterr().out  # which brings its own sign-offs
    assert main(["explain", "fac-approval", "--env", "factory-prod"]) == 0
    assert "sign off    gonogo signoff fac-approval --env factory-prod --release VERSION" in capsys.readouterr().out
    assert main(["explain", "fac-approval"]) == 0
    assert "signoff-missing: Nobody has signed anything" in capsys.readouterr().out


def test_explain_gives_each_part_of_a_long_rule_a_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A playbook of five screens is read at all: no line of nothing but defaults, SQL as it is written."""
    assert main(["explain", "fac-inc-postgres"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) < 400
    assert not any(": null" in line for line in lines)
    at = next(n for n, line in enumerate(lines) if line.strip() == "- name: database-locks")
    assert lines[at + 1].strip() == "playbook: postgres"
    assert lines[at + 1].index("playbook") == lines[at].index("name")
    sql = next(n for n, line in enumerate(lines) if line.strip() == "sql: |")
    assert lines[sql + 1].strip().startswith("WITH sessions AS (")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["explain", "ion-pre-api-helth"], "did you mean 'ion-pre-api-health'"),
        (["list", "--phase", "predeplo"], "did you mean 'predeploy'"),
        (["list", "--system", "iom"], "did you mean 'ion'"),
        (["list", "--env", "locl"], "did you mean 'local'"),
        (["explain", "ion-pre-api-health", "--env", "nowhere"], "there is no environment 'nowhere'"),
        (["schema", "verdit"], "did you mean 'verdict'"),
        (["judge", "/nowhere/at/all"], "there is no such file; is this the folder of a run?"),
        (["rehearse", "--fault", "api-dwn"], "did you mean 'api-down'"),
        (["rehearse", "--scene", "befor"], "did you mean 'before'"),
        (["rehearse", "--env", "ion-prod", "--list-faults"], "has no start command"),
        (["signoff", "ion-pre-api-health", "--env", "ion-prod", "--release", "v1", "--by", "k", "--until", "1h",
          "--link", "https://x.example"], "decided by evidence"),
        (["signoff", "ion-pre-team-ready", "--env", "local", "--release", "v1", "--by", "k", "--until", "1h",
          "--link", "https://x.example"], "brings its own sign-offs"),
        (["signoff", "ion-pre-team-ready", "--env", "ion-prod", "--release", "v1", "--by", "k", "--until", "soon",
          "--link", "https://x.example"], "write a duration like 12h"),
        (["signoff", "ion-pre-team-ready", "--env", "ion-prod", "--release", "v1", "--by", "k", "--until", "2030-01-01",
          "--link", "https://x.example"], "has no offset from UTC"),
        (["nothing"], "invalid choice: 'nothing'"),
        ([], "required: COMMAND"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_and_exit_4(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One clear line on standard error, the nearest name, exit 4."""
    monkeypatch.chdir(ROOT)
    assert main(arguments) == 4
    captured = capsys.readouterr()
    assert message in captured.err
    assert len(captured.err.splitlines()) == 1
    assert captured.out == ""


def test_signoff_appends_a_record(adopted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The record says who, for which release and where, until when; a release file gives the version."""
    root = Path(shutil.copytree(adopted, tmp_path / "project"))
    checklist = root / "checks/shop/predeploy.yaml"
    item = "  - {id: shop-pre-told, title: {en: Told}, mode: signoff, remedy: Tell them.}\n"
    checklist.write_text(checklist.read_text(encoding="utf-8") + item, encoding="utf-8")
    release = root / "release.yaml"
    release.write_text("version: v1.2.3\ncommit: a1b2c3d4\nimage: registry.example/shop:v1.2.3\n", encoding="utf-8")
    monkeypatch.chdir(root)
    common = ["signoff", "shop-pre-told", "--env", "shop", "--by", "김", "--link", "https://x.example/1"]
    assert main([*common, "--release", "release.yaml", "--until", "12h"]) == 0
    assert main([*common, "--release", "v9", "--until", "2099-01-01T00:00+09:00"]) == 0
    first, second = (json.loads(x) for x in (root / "reports/signoffs.jsonl").read_text(encoding="utf-8").splitlines())
    assert (first["id"], first["release"], first["environment"], first["by"]) == (
        "shop-pre-told",
        "v1.2.3",
        "shop",
        "김",
    )
    assert (second["release"], second["until"]) == ("v9", "2098-12-31T15:00:00+00:00")


@pytest.mark.parametrize("name", ["environment", "release", "checklist", "verdict", "evidence", "load"])
def test_every_schema_is_valid(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`gonogo schema NAME` prints a JSON Schema of draft 2020-12."""
    assert main(["schema", name]) == 0
    jsonschema.Draft202012Validator.check_schema(json.loads(capsys.readouterr().out))


def test_a_recorded_verdict_and_its_evidence_hold_their_schemas(
    recorded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a real run leaves is what the schemas promise."""
    main(["schema", "verdict"])
    jsonschema.validate(json.loads((recorded / "verdict.json").read_bytes()), json.loads(capsys.readouterr().out))
    main(["schema", "evidence"])
    schema = json.loads(capsys.readouterr().out)
    for line in (recorded / "evidence.jsonl").read_text(encoding="utf-8").splitlines():
        jsonschema.validate(json.loads(line), schema)


def test_doctor_of_a_healthy_and_of_a_dead_environment(adopted: Path, tmp_path: Path) -> None:
    """Healthy: 0. Unreachable: 6, with address and reason."""
    done = gonogo("doctor", "--env", "shop", cwd=adopted)
    assert done.returncode == 0, done.stderr
    assert "stable  as nobody in particular (no credentials)\n  ok           GET http://127.0.0.1:" in done.stdout
    root = tmp_path / "dead"
    root.mkdir()
    initialise(root, "http://127.0.0.1:9/health", "dead")
    done = gonogo("doctor", "--env", "dead", cwd=root)
    assert done.returncode == 6
    assert "  unreachable  GET http://127.0.0.1:9/health: " in done.stdout
    assert done.stdout.endswith("0 of 1 looks can be taken\n")


def test_help_answers_at_once() -> None:
    """--help loads nothing of the engine, and says the exit statuses."""
    loaded = "[m for m in sys.modules if m.startswith('gonogo.') and not m.startswith('gonogo.cli')]"
    code = f"import sys, gonogo.cli as c; c.main(['--help']); print({loaded})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "0 GO, 1 NO-GO, 6 HOLD, 4 configuration" in " ".join(done.stdout.split())


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """The installed version, exit 0."""
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("gonogo 0.")


def test_an_unexpected_error_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """No traceback reaches a user, and what broke is not a GO; GONOGO_DEBUG=1 shows it."""

    def broken(_: Path) -> list[str]:
        raise RuntimeError("boom\nsecond line \x1b[2J")

    monkeypatch.setattr("gonogo.reporting.verify.verify", broken)
    monkeypatch.delenv("GONOGO_DEBUG", raising=False)
    assert main(["verify", "x"]) == 3
    error = capsys.readouterr().err
    assert error.startswith("gonogo: RuntimeError: boom (")
    assert len(error.splitlines()) == 1
    monkeypatch.setenv("GONOGO_DEBUG", "1")
    with pytest.raises(RuntimeError):
        main(["verify", "x"])


def test_ctrl_c_is_130_without_a_traceback(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Interrupted is neither GO nor a crash."""

    def interrupted(_: Path) -> list[str]:
        raise KeyboardInterrupt

    monkeypatch.setattr("gonogo.reporting.verify.verify", interrupted)
    assert main(["verify", "x"]) == 130
    assert capsys.readouterr().err == ""


def test_a_reader_that_leaves_changes_no_verdict(recorded: Path) -> None:
    """Row 96: `gonogo judge RUN | head -1` keeps its status and complains about nothing."""
    (recorded / "verdict.json").unlink()
    read, written = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "gonogo.cli", "judge", str(recorded)]
    done = subprocess.run(command, stdout=written, stderr=subprocess.PIPE, encoding="utf-8", check=False)
    os.close(written)
    assert done.returncode == 6
    assert done.stderr == ""


def test_korean_reaches_an_old_locale(recorded: Path) -> None:
    """Row 96: UTF-8 is written whatever the locale says."""
    done = gonogo("judge", str(recorded), "-v", "--language", "ko", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert "서비스 상태 확인 응답" in done.stdout


FAKE = """
import json, sys
print(json.dumps({"addresses": {"shop": "http://127.0.0.1:1"}, "secrets": {}, "pid": 1}), flush=True)
sys.stdin.read()
open(sys.argv[0] + ".ended", "w").close()
"""


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_rehearse_stays_up_until_it_is_ended(end: signal.Signals, tmp_path: Path) -> None:
    """It prints the addresses, stays, and takes the started command down with it."""
    initialise(tmp_path, "http://127.0.0.1:1/health", "shop")
    folder = tmp_path / "environments"
    (folder / "fake.py").write_text(FAKE, encoding="utf-8")
    path = folder / "shop.yaml"
    start = "start: {command: [python, environments/fake.py], ready_within: 60s, scenes: {predeploy: before}}\n"
    text = path.read_text(encoding="utf-8").replace('"http://127.0.0.1:1"', "'address:shop'") + start
    path.write_text(text, encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-m", "gonogo.cli", "rehearse", "--env", "shop"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "shop  http://127.0.0.1:1\n"
    assert process.stdout.readline() == "shop is up; Ctrl-C ends it\n"
    process.send_signal(end)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors == ""
    for _ in range(1500):
        if (folder / "fake.py.ended").exists():
            break
        time.sleep(0.02)
    assert (folder / "fake.py.ended").exists()
