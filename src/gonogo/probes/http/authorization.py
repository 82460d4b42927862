"""How an environment says a caller proves who it is, into the headers that do. Secrets are revealed here."""

from __future__ import annotations

from urllib.parse import urlsplit

from gonogo.model.environment import Auth, AuthKind
from gonogo.model.errors import ConfigError
from gonogo.probes.base import Vantage


def authorization(vantage: Vantage, auth: Auth, url: str) -> dict[str, str]:
    """The headers for a request to `url`; no error of this function holds a secret."""
    match auth.kind:
        case AuthKind.NONE:
            return {}
        case AuthKind.BEARER:
            return {"Authorization": f"Bearer {_secret(vantage, auth)}"}
        case AuthKind.API_KEY:
            return {auth.header: _secret(vantage, auth)}
        case AuthKind.GOOGLE_ID_TOKEN:
            from gonogo.probes.google.client import id_token  # noqa: PLC0415

            parts = urlsplit(url)
            return {"Authorization": f"Bearer {id_token(vantage, auth.audience or f'{parts.scheme}://{parts.netloc}')}"}
        case AuthKind.GOOGLE:
            from gonogo.probes.google.client import access_token  # noqa: PLC0415

            return {"Authorization": f"Bearer {access_token(vantage)}"}
        case AuthKind.AWS:
            raise ConfigError("auth of kind aws is for object_store alone", auth.origin)


def _secret(vantage: Vantage, auth: Auth) -> str:
    if auth.secret is None:
        raise ConfigError(f"auth of kind {auth.kind} needs `secret`, the name of an environment variable")
    value = vantage.reveal(auth.secret)
    if not value or not value.isascii() or not value.isprintable():
        raise ConfigError(f"the value of {auth.secret} is empty or has characters that no header may hold")
    return value
