"""A run of a Postman collection: one request of it with its tests, or that all of it was run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gonogo.judges.base import Judge
from gonogo.judges.reading import inconclusive
from gonogo.judges.seeing import document
from gonogo.model.verdict import Case, Finding, Verdict

_INSTALL = "newman decides it: npm install -g newman"
_TEST = "when a test of it speaks of the status"
_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Postman:
    """`request` is the id of a request in the look's document. Without it the run as a whole is judged."""

    request: str | None = None


def judge(options: Postman, case: Case) -> Finding:
    """Pass when every test of the request held; a request without tests passes with a status from 200 to 299 only.

    A status from 500 up fails unless a test speaks of the status. A test that was skipped, and a script that was not
    understood, decide nothing. The run as a whole passes when every request was sent and answered.
    """
    rule = f"the tests of {options.request}" if options.request else "every request is sent and answered"
    found = document(case, "it")
    if isinstance(found, Finding):
        return found
    data, source = found
    try:
        if options.request is None:
            return _whole(data, rule, source)
        wanted = next((one for one in data["requests"] if one["id"] == options.request), None)
        if wanted is None:
            return inconclusive(rule, f"{options.request} is not in what was run ({source})", "missing")
        return _request(wanted, rule, source, _INSTALL if data["runner"] == "native" else _TEST)
    except (KeyError, TypeError, AttributeError) as error:
        text = f"not a run of a collection: {type(error).__name__} ({source})"
        return inconclusive(rule, text, "no run", "when the look shows one")


def _whole(data: Mapping[str, Any], rule: str, source: str) -> Finding:
    count, answered, left = data["count"], data["answered"], data["not_answered"]
    said = f"{answered} of {count} requests answered"
    whys = {one["id"]: one["not_sent"] or one["error"] or "no answer" for one in data["requests"]}
    details = tuple(f"{one}: {whys.get(one, 'left out')}" for one in left)
    if count < 1 or left or answered != count or len(data["requests"]) != count:
        first = f": {details[0]}" if details else ""
        decidable = "when every request of the collection runs to its end"
        finding = inconclusive(rule, f"{said}{first} ({source})", said, decidable, answered)
        return Finding(
            verdict=finding.verdict, reason=finding.reason, rule=rule, observed=said, samples=answered,
            details=details[:_SHOWN], decidable=decidable,
        )  # fmt: skip
    return Finding(verdict=Verdict.PASS, reason=f"{said} ({source})", rule=rule, observed=said, samples=count)


def _request(request: Mapping[str, Any], rule: str, source: str, cure: str) -> Finding:
    tests = request["tests"]
    failed = [one for one in tests if not one["passed"] and not one["skipped"]]
    skipped = [one["name"] for one in tests if one["skipped"]]
    where = f"({request['method']} {request['url']}; {source})"
    lines = tuple(_line(one) for one in tests)[:_SHOWN]

    def found(verdict: Verdict, text: str, decidable: str | None = None) -> Finding:
        return Finding(
            verdict=verdict, reason=f"{text} {where}", rule=rule, observed=text, samples=len(tests), details=lines,
            decidable=decidable,
        )  # fmt: skip

    status = request["status"]
    if failed:
        more = f" and {len(failed) - 1} more" if len(failed) > 1 else ""
        return found(Verdict.FAIL, f"{failed[0]['name']}: {failed[0]['error'] or 'failed'}{more}")
    if request["error"]:
        return found(Verdict.FAIL, f"no answer: {request['error']}")
    if request["script_error"]:
        return found(Verdict.FAIL, f"its script ended with {request['script_error']}")
    if request["unclear"]:
        lines = tuple(f"not understood: {line}" for line in request["unclear"])[:_SHOWN]
        text = f"not understood: {request['unclear'][0]}"
        return found(Verdict.INCONCLUSIVE, text, cure)
    if request["not_sent"] or not isinstance(status, int) or isinstance(status, bool):
        why = request["not_sent"] or "no status"
        return found(Verdict.INCONCLUSIVE, f"not sent: {why}", "when it is sent")
    if skipped:
        text = f"{len(skipped)} of {len(tests)} tests are skipped, like {skipped[0]!r}"
        return found(Verdict.INCONCLUSIVE, text, "when they run")
    if status >= 500 and not request["asserts_status"]:
        return found(Verdict.FAIL, f"answered {status}, and none of its tests speaks of the status")
    if not tests:
        good = 200 <= status <= 299
        return found(Verdict.PASS if good else Verdict.FAIL, f"answered {status}; it has no tests, so 2xx is wanted")
    return found(Verdict.PASS, f"answered {status}; {len(tests)} {'tests' if len(tests) > 1 else 'test'} held")


def _line(test: Mapping[str, Any]) -> str:
    how = "passed" if test["passed"] else "skipped" if test["skipped"] else f"failed, {test['error']}"
    return f"{test['name']}: {how}"


JUDGE = Judge(options=Postman, judge=judge)
