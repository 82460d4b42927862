"""The official client of Kubernetes on this project's transport: reading verbs, one deadline, caps, whole lists.

The client builds requests; what goes out is sent as every HTTP probe sends: only to hosts of the environment, no
proxies, no redirects. Answers are read as JSON and not into the client's models, which takes seconds for 1,000 pods.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.client import responses
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar
from urllib.parse import urlsplit

from gonogo.model.errors import ConfigError, SafetyRefusal
from gonogo.model.evidence import Cause
from gonogo.probes.base import Vantage
from gonogo.probes.deadline import Deadline
from gonogo.probes.failure import Failure
from gonogo.probes.http.transport import Ask, fetch
from gonogo.probes.json_strict import parse_json
from gonogo.probes.kubernetes.access import BACK_END, Access, access

if TYPE_CHECKING:
    from kubernetes.client.api_client import ApiClient

T = TypeVar("T")

READS = frozenset({"GET"})
PAGE = 500
MAX_PAGES = 200
BODY_CAP = 32 * 1024 * 1024  # of a page
TOTAL_CAP = 128 * 1024 * 1024  # of all pages of a look
CLIENTS = ("gonogo.probes.kubernetes.library",)
TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1"


def api_client(vantage: Vantage, deadline: Deadline | None = None, verbs: frozenset[str] = READS) -> ApiClient:
    """The official ApiClient for the back end `kubernetes`. Every request of it shares `deadline` (by default the
    back end's timeout from now) and is refused, unsent, if its HTTP method is not one of `verbs`: SafetyRefusal.

    Any API class of the client works on it; a status beyond 299 is the client's ApiException, no answer is a Failure.
    """
    try:
        from gonogo.probes.kubernetes.library import ApiClient, Configuration  # noqa: PLC0415
    except ImportError:
        raise ConfigError("Kubernetes' client is not installed: pip install 'gonogo[kubernetes]'") from None
    ends = deadline or Deadline(vantage.back_end(BACK_END).timeout)
    found = access(vantage, ends)
    configuration = Configuration(host=found.url)
    configuration.proxy = None
    made = ApiClient(configuration)
    rest: Any = _Rest(vantage, found, ends, verbs)
    made.rest_client = rest
    made.user_agent = "gonogo"
    return made


@dataclass(slots=True)
class _Response:
    """An answer with what the client asks of urllib3's."""

    status: int
    headers: Mapping[str, str]
    data: bytes

    @property
    def reason(self) -> str:
        return responses.get(self.status, "")

    @property
    def response(self) -> _Response:
        return self

    def read(self) -> bytes:
        return self.data

    def getheaders(self) -> Mapping[str, str]:
        return self.headers

    def getheader(self, name: str, default: str | None = None) -> str | None:
        return self.headers.get(name.lower(), default)


class _Rest:
    """Stands where the client has urllib3."""

    def __init__(self, vantage: Vantage, found: Access, deadline: Deadline, verbs: frozenset[str]) -> None:
        self._vantage = vantage
        self._access = found
        self._deadline = deadline
        self._verbs = verbs

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        post_params: Any = None,  # noqa: ARG002 - no API of Kubernetes takes forms
        _request_timeout: Any = None,  # the deadline knows
    ) -> _Response:
        if method.upper() not in self._verbs:
            path = urlsplit(url).path
            raise SafetyRefusal(
                f"{method} {path[:160]} would change the cluster; only {', '.join(sorted(self._verbs))} is sent"
            )
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode("utf-8")
        ask = Ask(
            url=url,
            method=method.upper(),
            headers={**{str(k): str(v) for k, v in (headers or {}).items()}, **self._access.headers},
            body=content,
            ca=self._access.ca,
            identity=self._access.identity,
            body_cap=BODY_CAP,
        )
        answer = fetch(self._vantage, ask, self._deadline)
        return _Response(status=answer.status, headers=answer.headers, data=answer.body)

    @property
    def credentials(self) -> tuple[str, ...]:
        """What went out to prove who asks."""
        return tuple(self._access.headers.values())

    def close(self) -> None:
        """The run's transport closes with the run."""


class _Expired(Failure):
    """410: the server no longer has the state that a list began with."""


@dataclass(slots=True, kw_only=True)
class Cluster:
    """One look at the cluster: however many requests it takes, they share one deadline and one cap."""

    vantage: Vantage
    deadline: Deadline = field(init=False)
    api: ApiClient = field(init=False)
    notes: list[str] = field(default_factory=list)
    _bytes: int = 0

    def __post_init__(self) -> None:
        self.deadline = Deadline(self.vantage.back_end(BACK_END).timeout)
        self.api = api_client(self.vantage, self.deadline)

    @property
    def url(self) -> str:
        """Where the API server is."""
        return str(self.api.configuration.host)

    def get(self, path: str, what: str, query: Mapping[str, Any] | None = None, accept: str | None = None) -> Any:
        """The document at `path`; `what` says for people what was asked for: `list pods in production`."""
        method, url, headers, _, _ = self.api.param_serialize(
            "GET", path, query_params=dict(query or {}), header_params={"Accept": accept or "application/json"}
        )
        answer: Any = self.api.call_api(method, url, headers)
        body = answer.read()
        self._bytes += len(body)
        if answer.status != 200:
            _raise(answer.status, self._masked(body), self.url, what)
        if self._bytes > TOTAL_CAP:
            raise Failure(Cause.PARTIAL, f"{what}: more than the cap of {TOTAL_CAP} bytes in all")
        return parse_json(body, f"{what}: the answer")

    def _masked(self, body: bytes) -> bytes:
        """The body without the credentials that went out: a token of a kubeconfig is no secret that others know of."""
        rest: Any = self.api.rest_client
        for value in rest.credentials:
            body = body.replace(value.rpartition(" ")[2].encode("ascii", "ignore") or b"\0", b"***")
        return body

    def rows(
        self, path: str, what: str, read: Callable[[Any], T], *, kind: str, accept: str | None = None, **query: Any
    ) -> list[T]:
        """Every item of a list through `read`, page by page. The list is begun anew once if its state expires.

        Failure(PARTIAL) where the list is not whole: a token that comes again, items that remain without a token,
        one item twice, too many pages, expired twice.
        """
        for _ in range(2):
            try:
                return [read(one) for one in self._pages(path, what, kind, accept, query)]
            except _Expired:
                self.notes.append(f"{what}: the list expired on the way (410) and was begun anew")
        raise Failure(Cause.PARTIAL, f"{what}: the list expired twice before its end (410)")

    def _pages(
        self, path: str, what: str, kind: str, accept: str | None, query: Mapping[str, Any]
    ) -> Iterator[Mapping[str, Any]]:
        asked = {name: value for name, value in query.items() if value is not None}
        token, used, seen = "", set[str](), set[tuple[str, str]]()
        for _ in range(MAX_PAGES):
            page = self.get(path, what, {"limit": PAGE, **asked, **({"continue": token} if token else {})}, accept)
            if page.get("kind") != kind:
                raise Failure(Cause.BROKEN, f"{what}: {str(page.get('kind'))[:60]!r} where {kind} was asked for")
            for one in page["rows" if kind == "Table" else "items"] or ():
                metadata = (one["object"] if kind == "Table" else one)["metadata"]
                key = (metadata.get("namespace", ""), metadata["name"])
                if key in seen:
                    raise Failure(Cause.PARTIAL, f"{what}: {key[1][:120]} came twice; pages repeat")
                seen.add(key)
                yield one
            metadata = page["metadata"]
            token = metadata.get("continue") or ""
            if not token:
                if metadata.get("remainingItemCount"):
                    raise Failure(
                        Cause.PARTIAL, f"{what}: {metadata['remainingItemCount']} items remain and no token leads there"
                    )
                return
            if token in used:
                raise Failure(Cause.PARTIAL, f"{what}: a continue token came again after {len(used) + 1} pages")
            used.add(token)
        raise Failure(Cause.PARTIAL, f"{what}: more than {MAX_PAGES} pages")


def _raise(status: int, body: bytes, url: str, what: str) -> NoReturn:
    """A status that is no success as a Failure: what was asked for, and the server's own word on it."""
    try:
        document = json.loads(body[:20_000].decode("utf-8"))
        said = str(document.get("message") or "")[:200] if isinstance(document, dict) else ""
    except (ValueError, RecursionError):
        said = ""
    if status == 410:
        raise _Expired(Cause.PARTIAL, f"{what} at {url}: 410: {said}")
    words = {401: "the credentials are not accepted", 403: "it is not allowed"}.get(status, "")
    text = ": ".join(part for part in (f"{what} at {url}: {status}", words, said) if part)
    causes = {401: Cause.DENIED, 403: Cause.DENIED, 404: Cause.NO_DATA, 504: Cause.TIMEOUT, 429: Cause.LIMITED}
    raise Failure(causes.get(status, Cause.BROKEN), text)
