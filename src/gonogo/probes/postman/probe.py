"""A team's Postman collection as one look: every request with its tests, by newman or by the part of it known here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from gonogo.model.environment import BackEnd, Environment
from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause, Seen, Unseen
from gonogo.probes.base import Part, Probe, Sight, Vantage
from gonogo.probes.command import find
from gonogo.probes.deadline import Deadline
from gonogo.probes.failure import Failure
from gonogo.probes.http.transport import allowed_hosts, ca_file
from gonogo.probes.named import named
from gonogo.probes.places import environment_file, inside, project_file
from gonogo.probes.postman.collection import Collection, read_collection, read_environment
from gonogo.probes.postman.outcome import Result
from gonogo.probes.postman.variables import guard

NEWMAN = "newman"
_LONGEST = timedelta(seconds=110)  # a look ends before the run's own watchdog ends it
_FILLED_IN = "address:"  # of an environment that is not up yet
_SOMEWHERE = "address.invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class PostmanOptions:
    """`collection` is a file of version 2.1, from the project's folder; its requests go to `side`.

    The back end `postman` has `names.environment`, the Postman environment file, from the folder of the environments;
    `names.url_variable`, the variable that gets the URL of the side; and, where the collection needs a secret,
    `names.secret_variable` for the value that `auth.secret` names. `at_most` requests of these `methods` are allowed,
    each within `each`, all within `deadline`. newman runs it where it is installed.
    """

    collection: str
    side: str
    at_most: int = 30
    methods: tuple[str, ...] = ("GET", "HEAD", "OPTIONS", "POST")
    each: timedelta = timedelta(seconds=30)
    deadline: timedelta = timedelta(seconds=90)

    def __post_init__(self) -> None:
        if not 1 <= self.at_most <= 100:
            raise ConfigError("at_most is 1 to 100")
        if not timedelta(0) < self.deadline <= _LONGEST or self.each <= timedelta(0):
            raise ConfigError(f"deadline is at most {_LONGEST.seconds}s, each longer than 0")

    @property
    def times(self) -> int:
        """The most requests that it may take."""
        return self.at_most


def look(options: PostmanOptions, vantage: Vantage) -> Sight:
    """{runner, collection, requests: [{id, name, method, url, status, elapsed_ms, tests: [{name, passed, skipped,
    error}], asserts_status, unclear, not_sent, error, script_error}], count, answered, not_answered: [id]}. `unclear`
    are lines that only newman understands, and `not_sent` says why a request was not sent. Where no request was
    answered the side did not answer.
    """
    side, back_end = vantage.side(options.side), vantage.back_end("postman")
    collection = read_collection(project_file(options.collection, vantage), options.collection)
    _check(collection, options)
    values = _values(back_end, side.url, environment_file(_file(vantage.environment), vantage))
    hosts = _hosts(options, vantage.environment)
    guard(collection, values, hosts, options.collection)
    secret = back_end.auth.secret
    if secret is not None:
        values[back_end.names["secret_variable"]] = vantage.reveal(secret)
    deadline = Deadline(options.deadline)
    program = find(NEWMAN)
    source = f"{options.collection} on {side.url}"
    ca = ca_file(vantage, side.ca)
    try:
        if program is None:
            from gonogo.probes.postman.native import Runner  # noqa: PLC0415 - newman has no need of it

            runner, results = "native", Runner(collection, values, vantage, side.ca).run(deadline, options.each)
        else:
            from gonogo.probes.postman.newman import run_newman  # noqa: PLC0415

            runner = NEWMAN
            results = run_newman(program, collection, values, hosts=hosts, ca=ca, deadline=deadline, each=options.each)
    except Failure as failure:
        return Sight(source=source, outcome=failure.unseen())
    return Sight(source=f"{source} by {runner}", side=options.side, outcome=_outcome(runner, collection, results))


def parts(options: PostmanOptions, root: Path) -> tuple[Part, ...]:
    """One part a request, in their order."""
    collection = read_collection(inside(root, options.collection, root), options.collection)
    _check(collection, options)
    return tuple(Part(key=request.id, title=request.name) for request in collection.requests)


def refuse(options: PostmanOptions, environment: Environment, base: Path) -> None:
    """ConfigError or SafetyRefusal for a collection that may not be run here, before anything is sent."""
    side, back_end = environment.sides.get(options.side), environment.back_ends.get("postman")
    if side is None or back_end is None:
        return
    url = f"http://{_SOMEWHERE}" if side.url.startswith(_FILLED_IN) else side.url
    collection = read_collection(inside(base.parent, options.collection, base.parent), options.collection)
    _check(collection, options)
    file = inside(base, _file(environment), base.parent, back_end.origin)
    values = _values(back_end, url, file)
    guard(collection, values, {*_hosts(options, environment), _SOMEWHERE}, options.collection)


def _outcome(runner: str, collection: Collection, results: Iterable[Result]) -> Seen | Unseen:
    results = list(results)
    answered = [one for one in results if one.status is not None]
    lost = [one for one in results if one.error is not None]
    documents = [one.document() for one in results]
    data: dict[str, Any] = {
        "runner": runner,
        "collection": collection.name,
        "requests": documents,
        "count": len(collection.requests),
        "answered": len(answered),
        "not_answered": [one.request.id for one in results if one.status is None],
    }
    if not answered and lost:
        return Unseen(cause=lost[0].cause or Cause.UNREACHABLE, detail=str(lost[0].error), data=data)
    return Seen(data=data)


def _hosts(options: PostmanOptions, environment: Environment) -> frozenset[str]:
    """Where its requests may go: anywhere that the environment allows but to its other sides, since requests write.
    What guards.hosts names is allowed in any case.
    """
    hosts = {name: (urlsplit(side.url).hostname or "").lower() for name, side in environment.sides.items()}
    others = set(hosts.values()) - {hosts[options.side]}
    return (allowed_hosts(environment) - others) | {host.lower() for host in environment.guards.hosts}


def _check(collection: Collection, options: PostmanOptions) -> None:
    for request in collection.requests:
        if request.method not in options.methods:
            raise ConfigError(
                f"{options.collection}: {request.id} is {request.method}; name it under `methods` to allow it"
            )
    if len(collection.requests) > options.at_most:
        raise ConfigError(
            f"{options.collection} holds {len(collection.requests)} requests; at_most is {options.at_most}"
        )


def _file(environment: Environment) -> str:
    """The Postman environment file that the back end names; ConfigError where it does not name all that is needed."""
    back_end = environment.back_ends["postman"]
    named(environment, "postman", "url_variable")
    if (back_end.auth.secret is None) is not (back_end.names.get("secret_variable") is None):
        raise ConfigError("back end postman: auth.secret and names.secret_variable go together", back_end.origin)
    return named(environment, "postman", "environment")


def _values(back_end: BackEnd, url: str, path: Path) -> dict[str, str]:
    """Variables of the environment file, with the side's URL in its own; the secret's is there and empty."""
    values = read_environment(path, f"environments/{back_end.names['environment']}")
    values[back_end.names["url_variable"]] = url.rstrip("/")
    if back_end.auth.secret is not None:
        values.setdefault(back_end.names["secret_variable"], "")
    return values


PROBE = Probe(
    options=PostmanOptions,
    look=look,
    sides=lambda options: (options.side,),
    back_ends=("postman",),
    writes=True,
    parts=parts,
    refuse=refuse,
)
