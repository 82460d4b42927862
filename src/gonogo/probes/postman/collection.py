"""A Postman collection (v2.1) and its environment file into requests with stable ids; strict, and nothing is sent."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gonogo.model.errors import ConfigError
from gonogo.probes.failure import Failure
from gonogo.probes.json_strict import parse_json

MAX_BYTES = 4 * 1024 * 1024
_SLUG = re.compile(r"[^a-z0-9]+")
_SETS = re.compile(r"\.\s*set\s*\(\s*[\"']([^\"']+)[\"']")
_ASSERTS_STATUS = re.compile(
    r"\bstatus\b|\bstatusCode\b|response\.code\b|\.be\.(ok|accepted|success|error|clientError|serverError|redirection"
    r"|badRequest|unauthori[sz]ed|forbidden|notFound|notAcceptable|rateLimited|withoutContent)\b"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A script of a request, its folders or the collection, in the order in which they run."""

    listen: str  # prerequest or test
    lines: tuple[str, ...]
    place: str  # whose it is


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request as it stands in the collection: templates, not values. `plain` is what newman is given."""

    id: str
    name: str
    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: Mapping[str, Any] | None = None
    auth: Mapping[str, Any] | None = None
    scripts: tuple[Script, ...] = ()
    odd: tuple[str, ...] = ()  # what stands in it that only newman knows

    @property
    def sets(self) -> frozenset[str]:
        """Names of variables that its scripts set."""
        text = "\n".join(line for script in self.scripts for line in script.lines)
        return frozenset(_SETS.findall(text))

    @property
    def asserts_status(self) -> bool:
        """Whether a test of it speaks of the status of the answer."""
        tests = (script for script in self.scripts if script.listen == "test")
        return any(_ASSERTS_STATUS.search("\n".join(script.lines)) for script in tests)


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """Requests in their order, and the collection's own variables. `document` has the ids in it."""

    name: str
    requests: tuple[Request, ...]
    variables: Mapping[str, str]
    document: Mapping[str, Any] = field(hash=False)

    @property
    def set_by_scripts(self) -> frozenset[str]:
        """Names of variables that some script sets."""
        return frozenset(name for request in self.requests for name in request.sets)


def read_collection(path: Path, shown: str) -> Collection:
    """The collection of a file; ConfigError says what about it cannot be read."""
    document = _json(path, shown)
    info = document.get("info")
    schema = str(info.get("schema", "")) if isinstance(info, Mapping) else ""
    if not isinstance(info, Mapping) or "/v2.1." not in schema:
        raise ConfigError(f"{shown} is no Postman collection of version 2.1 (info.schema); export it as v2.1")
    try:
        requests = tuple(_requests(document))
        variables = _variables(document.get("variable", ()))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ConfigError(f"{shown} is no Postman collection: {type(error).__name__}: {str(error)[:100]}") from None
    if not requests:
        raise ConfigError(f"{shown} holds no request: nothing would be checked")
    return Collection(name=str(info.get("name", "")), requests=requests, variables=variables, document=document)


def read_environment(path: Path, shown: str) -> dict[str, str]:
    """Enabled variables of an environment file. A secret that stands in it is a ConfigError."""
    document = _json(path, shown)
    values = document.get("values")
    if not isinstance(values, list):
        raise ConfigError(f"{shown} is no Postman environment: it has no list `values`")
    for value in values:
        if isinstance(value, Mapping) and value.get("type") == "secret" and value.get("value"):
            raise ConfigError(
                f"{shown} holds the secret {str(value.get('key'))[:60]!r}: leave its value empty; it comes from the "
                "variable that back end postman names under auth.secret"
            )
    try:
        return _variables(values)
    except (KeyError, TypeError, AttributeError, ValueError):
        raise ConfigError(f"{shown}: each of `values` has a key and a value") from None


def _json(path: Path, shown: str) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError(f"{shown} is larger than {MAX_BYTES} bytes")
        document = parse_json(path.read_bytes(), shown)
    except OSError as error:
        raise ConfigError(f"{shown}: {error.strerror}") from None
    except Failure as failure:
        raise ConfigError(failure.detail) from None
    if not isinstance(document, dict):
        raise ConfigError(f"{shown} is no JSON object")
    return document


def _variables(values: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Those that are enabled; a value that is no text is written as JSON writes it."""
    found: dict[str, str] = {}
    for one in values:
        if one.get("enabled", True) and not one.get("disabled", False):
            value = one.get("value", "")
            found[str(one["key"])] = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return found


def _requests(document: dict[str, Any]) -> Iterator[Request]:
    number = 0

    def walk(
        node: dict[str, Any], scripts: tuple[Script, ...], auth: Any, folders: tuple[str, ...]
    ) -> Iterator[Request]:
        nonlocal number
        for item in node["item"]:
            name = str(item.get("name", ""))
            own = (*scripts, *_scripts(item, name))
            said = item.get("auth") or auth
            if "item" in item:
                yield from walk(item, own, said, (*folders, name))
                continue
            number += 1
            slug = _SLUG.sub("-", name.lower()).strip("-")[:40].rstrip("-")
            item["id"] = f"{number:02d}-{slug}" if slug else f"{number:02d}"
            yield _request(item, own, said)

    yield from walk(document, _scripts(document, "the collection"), document.get("auth"), ())


def _scripts(node: Mapping[str, Any], place: str) -> tuple[Script, ...]:
    found = []
    for event in node.get("event", ()):
        lines = (event.get("script") or {}).get("exec") or []
        lines = lines.split("\n") if isinstance(lines, str) else [str(line) for line in lines]
        if not event.get("disabled") and any(line.strip() for line in lines):
            split = tuple(part for line in lines for part in line.replace("\r", "").split("\n"))
            found.append(Script(listen=str(event["listen"]), lines=split, place=place))
    return tuple(found)


def _request(item: dict[str, Any], scripts: tuple[Script, ...], auth: Any) -> Request:
    request = item["request"]
    if isinstance(request, str):
        request = {"url": request}
    odd = []
    url = request["url"]
    if isinstance(url, Mapping):
        if url.get("variable"):
            odd.append("path variables of its URL")
        url = url["raw"]
    body = request.get("body") or None
    if body is not None and body.get("disabled"):
        body = None
    if body is not None and body.get("mode") not in ("raw", "urlencoded"):
        odd.append(f"a body of mode {body.get('mode')}")
    if item.get("protocolProfileBehavior"):
        odd.append("protocolProfileBehavior")
    own = request.get("auth") or auth or None
    kind = own.get("type") if own is not None else "noauth"
    if kind not in ("noauth", "bearer", "apikey"):
        odd.append(f"auth of type {kind}")
    headers = request.get("header") or []
    if not isinstance(headers, list):
        raise TypeError("header is no list")
    return Request(
        id=item["id"],
        name=str(item.get("name", "")) or item["id"],
        method=str(request.get("method", "GET")).upper(),
        url=str(url),
        headers=tuple((str(one["key"]), str(one.get("value", ""))) for one in headers if not one.get("disabled")),
        body=body,
        auth=None if kind == "noauth" else own,
        scripts=scripts,
        odd=tuple(odd),
    )
