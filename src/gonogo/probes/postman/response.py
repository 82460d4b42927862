"""`pm.response`: what scripts see of an answer, and what they may assert of it with `pm.response.to`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from gonogo.probes.failure import Failure
from gonogo.probes.json_strict import parse_json
from gonogo.probes.postman.assertions import Chain, Regex, numbers, texts
from gonogo.probes.postman.values import UNDEFINED, ThrownError, UnclearError, deep, same, show

_CLASSES = {"info": 1, "success": 2, "redirection": 3, "clientError": 4, "serverError": 5}
_STATUSES = {
    "accepted": 202, "withoutContent": 204, "badRequest": 400, "unauthorised": 401, "unauthorized": 401,
    "forbidden": 403, "notFound": 404, "notAcceptable": 406, "rateLimited": 429,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Response:
    """An answer. `headers` have lower-case names."""

    status: int
    elapsed_ms: int
    headers: Mapping[str, str]
    body: bytes

    def member(self, name: str) -> Any:
        """A member of pm.response."""
        match name:
            case "code":
                return self.status
            case "responseTime":
                return self.elapsed_ms
            case "responseSize":
                return len(self.body)
            case "json":
                return lambda arguments: self.json() if not arguments else _unclear()
            case "text":
                return lambda arguments: self.text() if not arguments else _unclear()
            case "headers":
                return Headers(self)
            case "to":
                return Chain(subject=None, of_response=partial(_of_response, self))
            case _:
                raise UnclearError

    def json(self) -> Any:
        """The body; ThrownError if it is no JSON."""
        try:
            return parse_json(self.body)
        except Failure as failure:
            raise ThrownError(f"JSONError: {failure.detail}") from None

    def text(self) -> str:
        """The body as a text."""
        return self.body.decode("utf-8", errors="replace")


@dataclass(frozen=True, slots=True, eq=False)
class Headers:
    """pm.response.headers."""

    of: Response

    def member(self, name: str) -> Any:
        """Get and has."""
        if name == "get":
            return lambda arguments: self.of.headers.get(texts(arguments, 1)[0].lower(), UNDEFINED)
        if name == "has":
            return lambda arguments: texts(arguments, 1)[0].lower() in self.of.headers
        raise UnclearError


def _unclear() -> Any:
    raise UnclearError


def _of_response(response: Response, chain: Chain, name: str) -> Any:
    code = response.status
    if name == "responseTime":
        return replace(chain, subject=response.elapsed_ms, of_response=None, called=None)
    if name == "json":
        chain.check(_is_json(response), "have a JSON body")
    elif name == "withBody":
        chain.check(bool(response.text()), "have content in body")
    elif name == "error":
        chain.check(code // 100 in (4, 5), f"be 4XX or 5XX but got {code}")
    elif name in _CLASSES:
        chain.check(code // 100 == _CLASSES[name], f"be {_CLASSES[name]}XX but got {code}")
    elif name in _STATUSES or name == "ok":
        wanted = _STATUSES.get(name, 200)
        chain.check(code == wanted, f"have status code {wanted} but got {code}")
    elif name in _ON_RESPONSE:
        return partial(_ON_RESPONSE[name], chain, response)
    else:
        raise UnclearError
    return replace(chain, called=None)


def _is_json(response: Response) -> bool:
    try:
        response.json()
    except ThrownError:
        return False
    return True


def _status(chain: Chain, response: Response, arguments: list[Any]) -> Chain:
    (wanted,) = numbers(arguments, 1)
    chain.check(response.status == wanted, f"have status code {show(wanted)} but got {response.status}")
    return chain


def _header(chain: Chain, response: Response, arguments: list[Any]) -> Chain:
    name = str(texts(arguments[:1], 1)[0])
    value = response.headers.get(name.lower())
    if len(arguments) == 1:
        chain.check(value is not None, f"have header with key '{name}'")
    elif len(arguments) == 2 and not chain.negated:
        chain.check(value is not None and same(value, arguments[1]), f"have header '{name}' of {show(arguments[1])}")
    else:
        raise UnclearError
    return chain


def _body(chain: Chain, response: Response, arguments: list[Any]) -> Chain:
    wanted = arguments[0] if arguments else None
    if not arguments:
        chain.check(bool(response.text()), "have content in body")
    elif len(arguments) > 1:
        raise UnclearError
    elif isinstance(wanted, str):
        chain.check(response.text() == wanted, f"have the body {show(wanted)}")
    elif isinstance(wanted, Regex):
        chain.check(wanted.found_in(response.text()), f"have a body that matches /{wanted.source}/")
    elif isinstance(wanted, dict):
        chain.check(_is_json(response) and deep(response.json(), wanted), f"have the body {show(wanted)}")
    else:
        raise UnclearError
    return chain


def _json_body(chain: Chain, response: Response, arguments: list[Any]) -> Chain:
    if not arguments:
        chain.check(_is_json(response), "have a JSON body")
        return chain
    path = arguments[0]
    if len(arguments) > 2 or chain.negated or not isinstance(path, str) or not re.fullmatch(r"[\w$]+(\.[\w$]+)*", path):
        raise UnclearError
    value: Any = response.json() if _is_json(response) else UNDEFINED
    for part in path.split("."):
        is_index = isinstance(value, list) and part.isdigit() and int(part) < len(value)
        value = value[int(part)] if is_index else value.get(part, UNDEFINED) if isinstance(value, dict) else UNDEFINED
    chain.check(value is not UNDEFINED, f"contain property {show(path)}")
    if len(arguments) == 2:
        chain.check(deep(value, arguments[1]), f"contain {show(arguments[1])} at {show(path)} but got {show(value)}")
    return chain


_ON_RESPONSE: Mapping[str, Callable[[Chain, Response, list[Any]], Chain]] = {
    "status": _status,
    "statusCode": _status,
    "header": _header,
    "body": _body,
    "jsonBody": _json_body,
}
