"""Values of {{variables}}, and the guard that looks where every request of a collection would go before one is sent."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import SystemRandom
from typing import Any

from gonogo.model.errors import ConfigError, SafetyRefusal
from gonogo.probes.postman.collection import Collection
from gonogo.probes.postman.values import UNDEFINED, to_text

_VARIABLE = re.compile(r"\{\{([^{}]+)\}\}")
_AUTHORITY = re.compile(r"(?i)(https?)://([^/?#\\]+)([/?#]|\Z)")
_HOST_PORT = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?")
_DEPTH = 10
_RANDOM = SystemRandom()
# Those of Postman's own that are alike in every runner.
_MADE: Mapping[str, Callable[[], str]] = {
    "$guid": lambda: str(uuid.uuid4()),
    "$randomUUID": lambda: str(uuid.uuid4()),
    "$timestamp": lambda: str(int(time.time())),
    "$isoTimestamp": lambda: datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    "$randomInt": lambda: str(_RANDOM.randrange(1001)),
}


class NotMadeHereError(Exception):
    """A variable of Postman's own that only newman makes."""


@dataclass(slots=True, kw_only=True)
class Scopes:
    """Variables by where they were set; the first scope that has a name wins."""

    environment: dict[str, Any]
    collection: dict[str, Any] = field(default_factory=dict)
    local: dict[str, Any] = field(default_factory=dict)
    shared: dict[str, Any] = field(default_factory=dict)  # Postman's globals

    def get(self, name: str) -> Any:
        """The value of a name; UNDEFINED where no scope has it."""
        scopes = (self.local, self.environment, self.collection, self.shared)
        return next((scope[name] for scope in scopes if name in scope), UNDEFINED)

    def fill(self, template: str) -> str:
        """The template with every variable that has a value filled in, as Postman does: the others stay as they are."""
        text = template
        for _ in range(_DEPTH):
            filled = _VARIABLE.sub(self._value, text)
            if filled == text:
                break
            text = filled
        return text

    def _value(self, match: re.Match[str]) -> str:
        name = match[1].strip()
        if name.startswith("$"):
            if name not in _MADE:
                raise NotMadeHereError(f"the variable {{{{{name}}}}}")
            return _MADE[name]()
        value = self.get(name)
        return match[0] if value is UNDEFINED else to_text(value)


def open_names(text: str) -> tuple[str, ...]:
    """Names of the variables that stand in a text."""
    return tuple(dict.fromkeys(name.strip() for name in _VARIABLE.findall(text)))


def guard(collection: Collection, environment: Mapping[str, str], hosts: Iterable[str], where: str) -> None:
    """SafetyRefusal if a request would go to a host that the environment does not name, or if only a script decides
    where it goes; ConfigError for a variable that nothing gives a value.
    """
    allowed = frozenset(host.lower() for host in hosts)
    dynamic = collection.set_by_scripts
    fixed = {name: value for name, value in {**collection.variables, **environment}.items() if name not in dynamic}
    scopes = Scopes(environment=fixed)
    for request in collection.requests:
        texts = [request.url, *(value for _, value in request.headers), str((request.body or {}).get("raw", ""))]
        for name in (name for text in texts for name in open_names(text)):
            if not name.startswith("$") and name not in dynamic and scopes.get(name) is UNDEFINED:
                raise ConfigError(f"{where}: {request.id} needs {{{{{name}}}}}, which nothing gives a value")
        try:
            url = scopes.fill(request.url)
        except NotMadeHereError:
            url = request.url
        found = _AUTHORITY.match(url)
        # Strictly host and port: what one reader of URLs takes for a port is another one's host.
        place = _HOST_PORT.fullmatch(found[2]) if found is not None else None
        host = place[1].strip("[]").lower() if place is not None else ""
        if host not in allowed or not host:
            said = found[2] if found else url
            raise SafetyRefusal(
                f"{where}: {request.id} goes to {said[:120]!r}, which is no host of this environment; nothing was sent"
            )
