"""Who one is to each place of an environment, in words; never a secret."""

from __future__ import annotations

from gonogo.config.secrets import Secrets
from gonogo.model.environment import Auth, AuthKind, Environment
from gonogo.model.errors import GonogoError
from gonogo.probes.base import Vantage
from gonogo.probes.failure import Failure
from gonogo.probes.kubernetes.access import BACK_END
from gonogo.probes.kubernetes.principal import principal as kubernetes_principal

_GOOGLE = frozenset({"cloud_run", "cloud_logging", "cloud_monitoring", "dashboards"})  # their clients bring credentials


def who_at(place: str, environment: Environment, vantage: Vantage, secrets: Secrets) -> str:
    """An account, a user, or the holder of a named secret; `nobody: WHY` where there are no credentials."""
    back_end = environment.back_ends.get(place)
    auth = back_end.auth if back_end is not None else environment.sides[place].auth
    user = back_end.names.get("user") if back_end is not None else None
    google = place in _GOOGLE and back_end is not None and not back_end.plaintext
    if auth.kind in (AuthKind.GOOGLE, AuthKind.GOOGLE_ID_TOKEN) or google:
        from gonogo.probes.google.client import principal  # noqa: PLC0415 - only where Google is asked

        try:
            return principal(vantage)
        except (Failure, GonogoError) as error:
            return f"nobody: {error}"
    if place == BACK_END:
        try:
            own = kubernetes_principal(vantage)
        except GonogoError as error:
            return f"nobody: {error}"
        if own is not None:
            return own
    return (f"{user}, " if user else "") + _bearer(auth, secrets)


def _bearer(auth: Auth, secrets: Secrets) -> str:
    if auth.kind is AuthKind.NONE or auth.secret is None:
        return "nobody in particular (no credentials)"
    how = f"the holder of {auth.secret}" + (f" in {auth.header}" if auth.kind is AuthKind.API_KEY else "")
    try:
        secrets.reveal(auth.secret)
    except GonogoError as error:
        return f"nobody: {error}"
    return how


def known(secrets: Secrets, environment: Environment) -> tuple[str, ...]:
    """Values of the secrets that are set; one that is not is a finding, not an end."""
    found = []
    sides = {side.auth.secret for side in environment.sides.values()}
    back_ends = {back_end.auth.secret for back_end in environment.back_ends.values()}
    for name in (sides | back_ends) - {None}:
        try:
            found.append(secrets.reveal(str(name)))
        except GonogoError:
            continue
    return tuple(found)
