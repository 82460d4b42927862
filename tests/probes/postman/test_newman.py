"""newman as a program that may hang, be told to go elsewhere, or write nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gonogo.model.evidence import Cause
from gonogo.probes.deadline import Deadline
from gonogo.probes.failure import Failure
from gonogo.probes.postman import newman as newman_module
from gonogo.probes.postman.newman import run_newman
from gonogo.probes.postman.outcome import Result

Run = Callable[..., list[Result]]
GUARD = Path(newman_module.__file__).with_name("newman_guard.js")


def test_no_script_reaches_another_host(fake: Any, collect: Any, tools: Any, by_newman: Run) -> None:
    """The guard stands below everything that newman can be told to do."""
    fake.answers["/a"] = {}
    script = "pm.sendRequest('http://evil.example:1/', () => { pm.test('swallowed', () => {}); });"
    items = (tools.request("A", "/a", script), tools.request("B", "http://192.0.2.1/b"), tools.request("C", "/a"))
    first, second, third = by_newman(collect(*items))
    refused = "it, or a script of it, would have gone to no host of this environment"
    assert (first.not_sent, second.not_sent, third.status) == (refused, refused, 200)


def test_what_a_script_sends_is_not_taken_for_the_request(fake: Any, collect: Any, tools: Any, by_newman: Run) -> None:
    """Its answer is written over the request's own: without a test of the status nothing is decided."""
    fake.answers |= {"/sick": (500, {}), "/ok": {}}
    script = f"pm.sendRequest('{fake.url}/ok', () => {{}});"
    test = "pm.test('status', () => pm.response.to.have.status(200));"
    first, second = by_newman(collect(tools.request("A", "/sick", script), tools.request("B", "/sick", script, test)))
    assert first.unclear == ("pm.sendRequest without a test of the status: newman tells the last answer only",)
    assert [held.passed for held in second.tests] == [False]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            "{host: 'named.example', port: 9, lookup: (h, o, done) => done(null, '169.254.169.254', 4)}",
            "GONOGO_REFUSED",
        ),
        ("{host: 'named.example', port: 9, lookup: (h, o, done) => done(null, 'fd00:ec2::254', 6)}", "GONOGO_REFUSED"),
        ("{host: 'evil.example', port: 9}", "GONOGO_REFUSED"),
        ("{path: '/var/run/docker.sock'}", "GONOGO_REFUSED"),
        ("{host: 'named.example', port: 9, lookup: (h, o, done) => done(null, '127.0.0.1', 4)}", "ECONNREFUSED"),
    ],
)
def test_the_guard_looks_at_every_socket(options: str, said: str) -> None:
    """Also at where a name leads."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js is not installed")
    code = f"require('net').connect({options}).on('error', (error) => console.log(error.code));"
    words = [node, "--no-network-family-autoselection", "--require", str(GUARD), "-e", code]
    environment = {"PATH": os.environ["PATH"], "GONOGO_HOSTS": "named.example"}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=90, check=True)
    assert done.stdout.strip() == said


def test_a_request_that_hangs_ends_with_the_run(fake: Any, collect: Any, tools: Any, by_newman: Run) -> None:
    """Newman's own deadline comes first, and what it left out is named."""
    fake.answers["/slow"] = lambda _: time.sleep(8) or {}
    fake.answers["/a"] = {}
    items = (tools.request("A", "/a"), tools.request("Slow", "/slow"), tools.request("B", "/a"))
    try:
        results = by_newman(collect(*items), seconds=4)
    except Failure as failure:
        assert failure.cause in (Cause.TIMEOUT, Cause.UNAVAILABLE)  # noqa: PT017 - a slow machine ends it itself
    else:
        assert [one.status for one in results][1:] == [None, None]


PROGRAM = """#!{python} -IS
import json, os, sys
values, out = (sys.argv[sys.argv.index(word) + 1] for word in ("--environment", "--reporter-json-export"))
seen = {{"argv": sys.argv, "cwd": os.getcwd(), "values": open(values).read()}}
seen |= {{"mode": oct(os.stat(values).st_mode), "folder": oct(os.stat(".").st_mode)}}
open({place!r}, "w").write(json.dumps(seen))
{code}
"""


@pytest.fixture
def pretend(tmp_path: Path, collect: Any, tools: Any) -> Callable[[str], tuple[Any, Path]]:
    """A program in newman's place."""

    def run(code: str) -> tuple[Any, Path]:
        program, place = tmp_path / "newman", tmp_path / "seen.json"
        program.write_text(PROGRAM.format(python=sys.executable, place=str(place), code=code), encoding="utf-8")
        program.chmod(0o755)
        values = {"baseUrl": "http://127.0.0.1:1", "token": "t0k-secret"}
        deadline = Deadline(timedelta(seconds=4 if "sleep" in code else 30))
        collection = collect(tools.request("A", "/a"))
        made = run_newman(
            str(program), collection, values, hosts=["127.0.0.1"], ca=None, deadline=deadline, each=timedelta(seconds=1)
        )
        return made, place

    return run


def test_secrets_stand_in_a_private_file_only(pretend: Any, tmp_path: Path) -> None:
    """Not among the words of the command; the folder is gone afterwards."""
    report = {"run": {"executions": []}}
    results, place = pretend(f"open(out, 'w').write({json.dumps(report)!r})")
    seen = json.loads(place.read_text(encoding="utf-8"))
    assert "t0k-secret" not in " ".join(seen["argv"])
    assert "t0k-secret" in seen["values"]
    assert (seen["mode"][-3:], seen["folder"][-3:]) == ("600", "700")
    assert not Path(seen["cwd"]).exists()
    assert [one.not_sent for one in results] == ["newman left it out"]


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("sys.stderr.write('error: boom'); sys.exit(1)", Cause.UNAVAILABLE),
        ("open(out, 'w').write('{\"run\": ')", Cause.BROKEN),
        ("open(out, 'w').write('{}')", Cause.BROKEN),
        ("import time; time.sleep(60)", Cause.TIMEOUT),
    ],
)
def test_a_report_that_is_not_there_decides_nothing(pretend: Any, code: str, cause: Cause) -> None:
    """Whatever it exits with."""
    with pytest.raises(Failure) as raised:
        pretend(code)
    assert raised.value.cause is cause
