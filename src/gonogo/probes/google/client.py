"""Channels, credentials and pages of Google's own clients, and their errors as evidence."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from gonogo.model.environment import BackEnd
from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause
from gonogo.probes.base import Vantage
from gonogo.probes.deadline import Deadline
from gonogo.probes.failure import Failure

if TYPE_CHECKING:
    import grpc

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
MAX_PAGES = 100
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_CAUSES = {
    "UNAVAILABLE": Cause.UNREACHABLE,
    "DEADLINE_EXCEEDED": Cause.TIMEOUT,
    "PERMISSION_DENIED": Cause.DENIED,
    "UNAUTHENTICATED": Cause.DENIED,
    "RESOURCE_EXHAUSTED": Cause.LIMITED,
    "NOT_FOUND": Cause.NO_DATA,
    "INVALID_ARGUMENT": Cause.BROKEN,
    "UNIMPLEMENTED": Cause.UNAVAILABLE,
}


class Rejected(Failure):
    """A call that ended with an error of Google's; `code` is its gRPC name."""

    def __init__(self, cause: Cause, detail: str, code: str) -> None:
        super().__init__(cause, detail, lost=code == "UNAVAILABLE")
        self.code = code


class Credentials:
    """Application default credentials of a run: found once, refreshed when needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: Any = None
        self._id_tokens: dict[str, Any] = {}

    def default(self) -> Any:
        """google.auth's credentials; Failure(DENIED) where there are none."""
        import google.auth  # noqa: PLC0415
        from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415

        with self._lock:
            try:
                if self._found is None:
                    self._found, _ = google.auth.default(scopes=[SCOPE])
            except GoogleAuthError:
                raise _no_credentials() from None
            return self._found

    def access_token(self) -> str:
        """A bearer token for Google's own APIs."""
        return self._fresh(self.default())

    def id_token(self, audience: str) -> str:
        """An identity token for a service that asks Google who calls."""
        from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415
        from google.auth.transport.requests import Request  # noqa: PLC0415
        from google.oauth2.id_token import fetch_id_token_credentials  # noqa: PLC0415

        with self._lock:
            try:
                if audience not in self._id_tokens:
                    self._id_tokens[audience] = fetch_id_token_credentials(  # type: ignore[no-untyped-call]
                        audience, Request()
                    )
            except GoogleAuthError:
                raise _no_credentials() from None
            found = self._id_tokens[audience]
        return self._fresh(found)

    def _fresh(self, credentials: Any) -> str:
        from google.auth.exceptions import GoogleAuthError, TransportError  # noqa: PLC0415
        from google.auth.transport.requests import Request  # noqa: PLC0415

        with self._lock:
            try:
                if not credentials.valid:
                    credentials.refresh(Request())
            except TransportError:
                raise Failure(Cause.UNREACHABLE, "Google's token service does not answer", lost=True) from None
            except GoogleAuthError as error:
                # The message may quote the credential, so only its kind is told.
                raise Failure(
                    Cause.DENIED, f"Google refused to renew the credentials ({type(error).__name__})"
                ) from None
            return str(credentials.token)


def access_token(vantage: Vantage) -> str:
    """A bearer token of the run's default credentials."""
    return _credentials(vantage).access_token()


def id_token(vantage: Vantage, audience: str) -> str:
    """An identity token of the run's default credentials."""
    return _credentials(vantage).id_token(audience)


def principal(vantage: Vantage) -> str:
    """Who the default credentials say we are; Failure(DENIED) where there are none."""
    found = _credentials(vantage).default()
    for name in ("service_account_email", "signer_email", "account"):
        value = getattr(found, name, None)
        if isinstance(value, str) and value and value != "default":
            return value
    return f"default credentials ({type(found).__name__})"


def _credentials(vantage: Vantage) -> Credentials:
    try:
        import google.auth  # noqa: F401, PLC0415
    except ImportError:
        raise missing() from None
    return vantage.shared("google credentials", Credentials)


def _no_credentials() -> Failure:
    return Failure(
        Cause.DENIED, "no Google credentials found; log in with `gcloud auth application-default login` or give a key"
    )


def missing() -> ConfigError:
    """What a missing client package comes to."""
    return ConfigError("Google's clients are not installed: pip install 'gonogo[google]'")


def host_of(back_end: BackEnd, default: str) -> str:
    """The address that is really asked, for people."""
    return back_end.address or default


def name_of(back_end: BackEnd, what: str, which: str) -> str:
    """One of the back end's names; ConfigError if it is not given."""
    if which not in back_end.names:
        raise ConfigError(f"back end {what} needs names.{which}")
    return back_end.names[which]


def channel(vantage: Vantage, name: str, default: str) -> grpc.Channel:
    """The one channel to this address in a run: without encryption to a loopback address only."""
    import grpc  # noqa: PLC0415

    back_end = vantage.back_end(name)
    target = back_end.address or default
    # gRPC reads http_proxy by itself otherwise.
    options = [("grpc.enable_http_proxy", 0), ("grpc.max_receive_message_length", 16 * 1024 * 1024)]
    if back_end.plaintext:
        if target.rpartition(":")[0] not in _LOOPBACK:
            raise Failure(
                Cause.REFUSED, f"{target} is no loopback address: plaintext is refused there; nothing was sent"
            )
        return vantage.shared(f"grpc {target}", lambda: grpc.insecure_channel(target, options=options))
    credentials = _credentials(vantage).default()
    target = target if ":" in target else f"{target}:443"

    def make() -> grpc.Channel:
        from google.api_core.grpc_helpers import create_channel  # noqa: PLC0415

        made: grpc.Channel = create_channel(target, credentials=credentials, scopes=[SCOPE], options=options)
        return made

    return vantage.shared(f"grpc {target}", make)


def call(where: str, method: Callable[..., Any], request: Mapping[str, Any], deadline: Deadline) -> Any:
    """One call under the look's deadline, without the client's own long retries; its error as a Failure."""
    from google.api_core.exceptions import GoogleAPICallError, RetryError  # noqa: PLC0415
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415

    if not deadline.left:
        raise Failure(Cause.TIMEOUT, f"{where}: the deadline of {deadline.allowed:g} s ran out")
    try:
        return method(request=dict(request), retry=None, timeout=deadline.left)
    except GoogleAPICallError as error:
        code = getattr(error.grpc_status_code, "name", None) or str(error.code)
        if code == "DEADLINE_EXCEEDED":
            detail = f"{where}: DEADLINE_EXCEEDED, the deadline of {deadline.allowed:g} s ran out"
        else:
            detail = f"{where}: {code}: {str(error.message)[:200]}"
        raise Rejected(_CAUSES.get(code, Cause.UNAVAILABLE), detail, code) from None
    except RetryError:
        raise Failure(Cause.TIMEOUT, f"{where}: the deadline of {deadline.allowed:g} s ran out") from None
    except GoogleAuthError as error:
        raise Failure(
            Cause.DENIED, f"{where}: Google refused to renew the credentials ({type(error).__name__})"
        ) from None


def pages(where: str, method: Callable[..., Any], request: Mapping[str, Any], deadline: Deadline) -> Iterator[Any]:
    """Every page of a list method as its raw message; Failure(PARTIAL) when a page token comes twice or never ends."""
    used: set[str] = set()
    token = ""
    for _ in range(MAX_PAGES):
        page = next(iter(call(where, method, {**request, "page_token": token}, deadline).pages))
        raw = type(page).pb(page) if hasattr(type(page), "pb") else page
        lost = [*getattr(raw, "unreachable", ()), *(error.message for error in getattr(raw, "execution_errors", ()))]
        if lost:
            raise Failure(Cause.PARTIAL, f"{where}: a part did not answer: {'; '.join(lost)[:200]}")
        yield raw
        token = raw.next_page_token
        if not token:
            return
        if token in used:
            raise Failure(Cause.PARTIAL, f"{where}: a page token came again after {len(used) + 1} pages")
        used.add(token)
    raise Failure(Cause.PARTIAL, f"{where}: more than {MAX_PAGES} pages")
