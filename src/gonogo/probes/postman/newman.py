"""newman, where it is installed: a collection with ids, a private folder, a guard on every socket, its report read.

Secrets stand in a file of that folder only, which is this user's and is removed; not in words that others can list.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from gonogo.model.evidence import Cause
from gonogo.probes.command import run
from gonogo.probes.deadline import Deadline
from gonogo.probes.failure import Failure
from gonogo.probes.postman.collection import Collection, Request
from gonogo.probes.postman.outcome import Result
from gonogo.probes.postman.pm import Test

_GUARD = Path(__file__).with_name("newman_guard.js")
_REPORT_CAP = 64 * 1024 * 1024
_REFUSED = "GONOGO_REFUSED"
_NOWHERE = "it, or a script of it, would have gone to no host of this environment"
_ALSO = "pm.sendRequest without a test of the status: newman tells the last answer only"
_CAUSES = {"ETIMEDOUT": Cause.TIMEOUT, "ESOCKETTIMEDOUT": Cause.TIMEOUT, "HPE_INVALID": Cause.BROKEN}


def run_newman(
    program: str,
    collection: Collection,
    environment: Mapping[str, str],
    *,
    hosts: Iterable[str],
    ca: str | None,
    deadline: Deadline,
    each: timedelta,
) -> list[Result]:
    """Every request's result; Failure if newman does not end by itself with a report that can be read."""
    with tempfile.TemporaryDirectory(prefix="gonogo-") as folder:  # readable by this user alone
        place = Path(folder)
        values = [{"key": key, "value": value, "enabled": True} for key, value in environment.items()]
        _write(place / "collection.json", collection.document)
        _write(place / "environment.json", {"name": "gonogo", "values": values})
        report = place / "report.json"
        words = [program, *_words(place, report, deadline, each)]
        if ca is not None:
            words += ["--ssl-extra-ca-certs", str(Path(ca).absolute())]
        more = {"NODE_OPTIONS": f'--require "{_GUARD.as_posix()}"', "GONOGO_HOSTS": ",".join(sorted(hosts))}
        ran = run(words, cwd=place, deadline=deadline, more=more)
        document = _report(report, f"newman ended with {ran.status}" + (f": {ran.error}" if ran.error else ""))
    return _results(collection, document)


def _words(place: Path, report: Path, deadline: Deadline, each: timedelta) -> Sequence[str]:
    left = str(max(1, int(deadline.left * 1000) - 500))  # its own end comes before ours, with a report
    one = str(int(each.total_seconds() * 1000))
    files = ("run", str(place / "collection.json"), "--environment", str(place / "environment.json"))
    out = ("--reporters", "json", "--reporter-json-export", str(report), "--suppress-exit-code", "--color", "off")
    bounds = ("--timeout", left, "--timeout-request", one, "--timeout-script", one, "--ignore-redirects")
    return (*files, *out, *bounds, "--working-dir", str(place), "--no-insecure-file-read")


def _write(path: Path, document: Any) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(document, file, ensure_ascii=False)


def _report(path: Path, ended: str) -> dict[str, Any]:
    try:
        if path.stat().st_size > _REPORT_CAP:
            raise Failure(Cause.BROKEN, f"newman wrote a report of more than {_REPORT_CAP} bytes")
        document = json.loads(path.read_bytes().decode("utf-8", errors="replace"))
        run_part: dict[str, Any] = document["run"]
        _ = run_part["executions"]
    except OSError:
        raise Failure(Cause.UNAVAILABLE, f"{ended}, without a report") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Failure(Cause.BROKEN, f"{ended}, with a report that does not read") from None
    return run_part


def _results(collection: Collection, report: Mapping[str, Any]) -> list[Result]:
    found: dict[str, Mapping[str, Any]] = {}
    more: set[str] = set()
    for execution in report["executions"]:
        key = str(execution["item"]["id"])
        if key in found:
            more.add(key)
        found[key] = execution
    ended = report.get("error")
    why = f"newman ended early: {_message(ended)}" if ended else "newman left it out"
    return [
        _result(request, found[request.id], also=request.id in more)
        if request.id in found
        else Result.of(request, not_sent=why)
        for request in collection.requests
    ]


def _result(request: Request, execution: Mapping[str, Any], *, also: bool) -> Result:
    """`also`: scripts of it have sent requests, whose answers newman writes over the request's own."""
    tests = [
        Test(
            name=str(one.get("assertion", "")),
            passed="error" not in one and not one.get("skipped"),
            skipped=bool(one.get("skipped")),
            error=_message(one.get("error")),
        )
        for one in execution.get("assertions") or ()
    ]
    scripts = [*(execution.get("prerequestScript") or ()), *(execution.get("testScript") or ())]
    thrown = next((_message(one["error"]) for one in scripts if one.get("error")), None)
    error = execution.get("requestError")
    if error:
        text = _message(error) or "no answer"
        # newman runs the tests all the same, on an answer that is none.
        if error.get("code") == _REFUSED:
            return Result.of(request, not_sent=_NOWHERE)
        cause = _CAUSES.get(str(error.get("code")), Cause.UNREACHABLE)
        return Result.of(request, error=text, cause=cause)
    response = execution.get("response")
    if not response or not response.get("code"):
        return Result.of(request, tests=tests, not_sent=thrown or "newman has no answer of it")
    return Result.of(
        request,
        status=int(response["code"]),
        elapsed_ms=int(response.get("responseTime") or 0),
        tests=tests,
        unclear=(_ALSO,) if also and not request.asserts_status else (),
        script_error=thrown,
    )


def _message(error: Any) -> str | None:
    if not error:
        return None
    text = error.get("message") or error.get("name") or error.get("code") if isinstance(error, Mapping) else error
    return " ".join(str(text).split())[:300]
