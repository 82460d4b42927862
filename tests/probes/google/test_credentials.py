"""Google's default credentials: found once, used, and never quoted. Numbers are rows of the fault matrix."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import google.auth
import pytest
from google.auth.exceptions import DefaultCredentialsError, RefreshError, TransportError
from google.oauth2 import id_token as google_id_token

from gonogo.model.environment import Auth, AuthKind, BackEnd, Environment, Side
from gonogo.model.evidence import Cause, Seen, Unseen
from gonogo.probes.deadline import Deadline
from gonogo.probes.failure import Failure
from gonogo.probes.google import client as helper
from gonogo.probes.http.probe import HttpOptions, look

TOKEN = "ya29.planted-token"


class Credentials:
    """What google.auth gives: valid after a refresh, or an error."""

    service_account_email = "gate@naeda.example"

    def __init__(self, error: Exception | None = None) -> None:
        self.valid = False
        self.token: str | None = None
        self.refreshed = 0
        self._error = error

    def refresh(self, _: Any) -> None:
        self.refreshed += 1
        if self._error is not None:
            raise self._error
        self.valid, self.token = True, TOKEN


@pytest.fixture
def side_of(fake: Any, vantage_of: Callable[..., Any]) -> Callable[[Auth], Any]:
    """A vantage on one side at the fake server with this authentication."""
    fake.answers["/health"] = {"status": "healthy"}

    def make(auth: Auth) -> Any:
        side = Side(url=fake.url, auth=auth)
        return vantage_of(environment=Environment(name="x", system="ion", describe="", sides={"canary": side}))

    return make


def give(monkeypatch: pytest.MonkeyPatch, found: Credentials | Exception) -> list[Any]:
    asked: list[Any] = []

    def default(scopes: list[str]) -> tuple[Any, str]:
        asked.append(scopes)
        if isinstance(found, Exception):
            raise found
        return found, "naeda"

    monkeypatch.setattr(google.auth, "default", default)
    return asked


def test_an_access_token_is_found_and_refreshed_once(fake: Any, side_of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two looks, one search for credentials, one refresh; the token stands in the request only."""
    found = Credentials()
    asked = give(monkeypatch, found)
    vantage = side_of(Auth(kind=AuthKind.GOOGLE))
    sights = [look(HttpOptions(side="canary"), vantage) for _ in range(2)]
    assert all(isinstance(sight.outcome, Seen) for sight in sights)
    assert [call.headers["authorization"] for call in fake.calls] == [f"Bearer {TOKEN}"] * 2
    assert (asked, found.refreshed) == ([[helper.SCOPE]], 1)
    assert TOKEN not in repr(sights)
    assert helper.principal(vantage) == "gate@naeda.example"


@pytest.mark.parametrize("audience", [None, "https://ion.example"])
def test_an_identity_token_is_for_the_side(
    fake: Any, side_of: Any, monkeypatch: pytest.MonkeyPatch, audience: str | None
) -> None:
    """Without an audience the side's own address is it."""
    audiences: list[str] = []
    monkeypatch.setattr(
        google_id_token, "fetch_id_token_credentials", lambda wanted, _: audiences.append(wanted) or Credentials()
    )
    vantage = side_of(Auth(kind=AuthKind.GOOGLE_ID_TOKEN, audience=audience))
    assert isinstance(look(HttpOptions(side="canary"), vantage).outcome, Seen)
    assert audiences == [audience or fake.url]
    assert fake.calls[0].headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize(
    ("found", "cause", "words"),
    [
        pytest.param(DefaultCredentialsError("path /x"), Cause.DENIED, "no Google credentials found", id="none"),
        pytest.param(
            Credentials(RefreshError(TOKEN)), Cause.DENIED, "refused to renew the credentials", id="row71-expired"
        ),
        pytest.param(
            Credentials(TransportError(TOKEN)), Cause.UNREACHABLE, "token service does not answer", id="row48-offline"
        ),
    ],
)
def test_credentials_that_do_not_work_are_told_without_them(  # noqa: PLR0917
    fake: Any, side_of: Any, monkeypatch: pytest.MonkeyPatch, found: Any, cause: Cause, words: str
) -> None:
    """Rows 48, 71 and 119: nothing is sent to the side, and no error text is passed on."""
    give(monkeypatch, found)
    outcome = look(HttpOptions(side="canary"), side_of(Auth(kind=AuthKind.GOOGLE))).outcome
    assert isinstance(outcome, Unseen)
    assert outcome.cause is cause
    assert words in outcome.detail
    assert TOKEN not in repr(outcome)
    assert fake.calls == []


def test_row71_credentials_that_expire_inside_a_client_are_denied() -> None:
    """Row 71: gRPC clients refresh by themselves; their error is not quoted either."""

    def method(**_: Any) -> None:
        raise RefreshError(TOKEN)

    with pytest.raises(Failure, match="RefreshError") as caught:
        helper.call("Cloud Run", method, {}, Deadline(timedelta(seconds=1)))
    assert caught.value.cause is Cause.DENIED
    assert TOKEN not in caught.value.detail


def test_the_default_endpoint_is_asked_with_credentials_over_tls(
    vantage_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an address the client's own endpoint; without plaintext never an insecure channel; no proxy."""
    from google.api_core import grpc_helpers

    found = Credentials()
    give(monkeypatch, found)
    made: list[Any] = []
    monkeypatch.setattr(
        grpc_helpers, "create_channel", lambda target, **options: made.append((target, options)) or object()
    )
    vantage = vantage_of({"cloud_run": BackEnd()})
    assert helper.channel(vantage, "cloud_run", "run.googleapis.com") is helper.channel(
        vantage, "cloud_run", "run.googleapis.com"
    )
    ((target, options),) = made
    assert target == "run.googleapis.com:443"
    assert options["credentials"] is found
    assert ("grpc.enable_http_proxy", 0) in options["options"]
