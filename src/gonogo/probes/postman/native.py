"""The part of Postman that most collections are made of, run here: requests in their order through the one transport.

What a request or a script of it asks for and is not known here is named, and the request is not decided.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

from gonogo.model.evidence import Cause
from gonogo.probes.base import Vantage
from gonogo.probes.deadline import Deadline
from gonogo.probes.failure import Failure
from gonogo.probes.http.transport import Answer, Ask, fetch
from gonogo.probes.postman.collection import Collection, Request
from gonogo.probes.postman.meaning import run_script
from gonogo.probes.postman.outcome import Result
from gonogo.probes.postman.pm import Expect, Members, Outcome, test_function, variables
from gonogo.probes.postman.response import Response
from gonogo.probes.postman.values import UnclearError
from gonogo.probes.postman.variables import NotMadeHereError, Scopes, open_names

_IN_URL = "!$&'()*+,;=:@/?#[]%-._~"


class Runner:
    """One run of a collection."""

    def __init__(
        self, collection: Collection, environment: Mapping[str, str], vantage: Vantage, ca: str | None
    ) -> None:
        self._collection = collection
        self._vantage = vantage
        self._ca = ca
        self._scopes = Scopes(environment=dict(environment), collection=dict(collection.variables))
        self._lost: set[str] = set()  # variables that a script which was not understood would have set

    def run(self, deadline: Deadline, each: timedelta) -> list[Result]:
        """Every request in its order, each within `each`, all of them within `deadline`."""
        results = []
        for request in self._collection.requests:
            if deadline.left <= 0:
                results.append(Result.of(request, not_sent=f"the deadline of {deadline.allowed:g} s was over"))
                continue
            result = self._one(request, Deadline(min(each, timedelta(seconds=deadline.left))))
            if result.unclear or result.not_sent:
                self._lost |= request.sets
            results.append(result)
        return results

    def _one(self, request: Request, deadline: Deadline) -> Result:
        if request.odd:
            return Result.of(request, unclear=request.odd, not_sent="it is not understood")
        self._scopes.local.clear()
        before = Outcome()
        self._scripts(request, "prerequest", before, None)
        if before.unclear or before.thrown:
            why = "its pre-request script did not run to its end"
            return Result.of(request, unclear=before.unclear, not_sent=why, script_error=before.thrown)
        try:
            ask = self._ask(request)
        except UnicodeEncodeError:
            return Result.of(request, unclear=("half a surrogate pair",), not_sent="it is not understood")
        except (NotMadeHereError, UnclearError) as error:
            return Result.of(request, unclear=(str(error) or "a value",), not_sent="it is not understood")
        missing = [name for name in open_names(ask.url + _texts(ask)) if name in self._lost]
        if missing:
            return Result.of(request, not_sent=f"{{{{{missing[0]}}}}} has no value: what sets it did not run")
        ask = replace(ask, url=ask.url.replace("{", "%7B").replace("}", "%7D"))
        try:
            answer = fetch(self._vantage, ask, deadline, patient=False)
        except Failure as failure:
            if failure.cause is Cause.REFUSED:
                return Result.of(request, not_sent=failure.detail)
            return Result.of(request, error=failure.detail, cause=failure.cause)
        after = Outcome()
        response = _response(answer)
        self._scripts(request, "test", after, response)
        return Result.of(
            request,
            status=response.status,
            elapsed_ms=response.elapsed_ms,
            tests=[*before.tests, *after.tests],
            unclear=after.unclear,
            script_error=after.thrown,
        )

    def _scripts(self, request: Request, listen: str, outcome: Outcome, response: Response | None) -> None:
        for script in request.scripts:
            if script.listen == listen:
                run_script(script.lines, {"pm": self._pm(outcome, script.lines, response)}, outcome)

    def _pm(self, outcome: Outcome, lines: tuple[str, ...], response: Response | None) -> Members:
        scopes = self._scopes
        members: dict[str, Any] = {
            "test": test_function(outcome, lines),
            "expect": Expect(),
            "environment": variables(scopes.environment),
            "collectionVariables": variables(scopes.collection),
            "globals": variables(scopes.shared),
            "variables": variables(scopes.local, scopes),
        }
        if response is not None:
            members["response"] = response
        return Members(members)

    def _ask(self, request: Request) -> Ask:
        fill = self._scopes.fill
        url = quote(fill(request.url), safe=_IN_URL + "{}")
        headers = {fill(key): fill(value) for key, value in request.headers}
        url, auth = _authorized(request.auth, url, fill)
        headers |= auth
        body: bytes | None = None
        if request.body is not None:
            if request.body["mode"] == "raw":
                body = fill(str(request.body.get("raw", ""))).encode("utf-8")
                language = ((request.body.get("options") or {}).get("raw") or {}).get("language", "text")
                kind = "application/json" if language == "json" else "text/plain"
            else:
                pairs = [one for one in request.body.get("urlencoded") or () if not one.get("disabled")]
                body = urlencode([(fill(one["key"]), fill(str(one.get("value", "")))) for one in pairs]).encode("ascii")
                kind = "application/x-www-form-urlencoded"
            if not any(key.lower() == "content-type" for key in headers):
                headers["Content-Type"] = kind
        for key, value in headers.items():
            if not (key.isascii() and value.isascii() and value.isprintable()):
                raise UnclearError(f"a header {key[:40]!r} that is not ASCII")
        return Ask(
            url=url,
            method=request.method,
            headers=headers,
            body=body,
            ca=self._ca,
        )


def _authorized(auth: Mapping[str, Any] | None, url: str, fill: Any) -> tuple[str, dict[str, str]]:
    """The URL and the headers with the request's own authorization in them."""
    if auth is None:
        return url, {}
    values = {str(one["key"]): fill(str(one.get("value", ""))) for one in auth.get(str(auth["type"]), ())}
    if auth["type"] == "bearer":
        return url, {"Authorization": f"Bearer {values.get('token', '')}"}
    key, value = values.get("key", ""), values.get("value", "")
    if values.get("in") == "query":
        return f"{url}{'&' if '?' in url else '?'}{quote_plus(key)}={quote_plus(value)}", {}
    return url, {key: value}


def _texts(ask: Ask) -> str:
    return " ".join([*ask.headers.values(), (ask.body or b"").decode("utf-8")])


def _response(answer: Answer) -> Response:
    return Response(
        status=answer.status,
        elapsed_ms=round(answer.elapsed.total_seconds() * 1000),
        headers=answer.headers,
        body=answer.body,
    )
