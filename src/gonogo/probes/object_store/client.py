"""The back end `object_store` into botocore's client: declared keys, one host, and no verb that writes."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from gonogo.model.environment import AuthKind, BackEnd
from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause
from gonogo.probes.base import Vantage
from gonogo.probes.failure import Failure
from gonogo.probes.places import ca_file, check_place

NAME = "object_store"
_READS = frozenset(("GET", "HEAD"))
_REGION = re.compile(r"[a-z0-9-]{1,40}\Z")
# What botocore would otherwise take from variables and files of this machine: none of it is declared.
_UNDECLARED = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
    "ca_bundle": (None, None, None, None),
}


def endpoint(back_end: BackEnd) -> str:
    """Its address, or Amazon's own of the region."""
    region = _region(back_end)
    return back_end.address.rstrip("/") or f"https://s3.{region}.amazonaws.com"


def check_account(back_end: BackEnd) -> None:
    """ConfigError for auth of another kind, a region that is none, or a secret without its key's name."""
    _region(back_end)
    if back_end.auth.kind is not AuthKind.AWS:
        raise ConfigError(f"back end {NAME}: auth is of kind aws, not {back_end.auth.kind}", back_end.origin)
    if back_end.auth.secret is not None and not back_end.names.get("access_key_id"):
        raise ConfigError(f"back end {NAME}: names.access_key_id is missing beside auth.secret", back_end.origin)


def _region(back_end: BackEnd) -> str:
    region = back_end.names.get("region", "")
    if not _REGION.match(region):
        raise ConfigError(f"back end {NAME}: names.region is missing or no region: {region!r}", back_end.origin)
    return region


def client_of(back_end: BackEnd, url: str, vantage: Vantage) -> Any:
    """The client of this address; ConfigError for auth of another kind, Failure(REFUSED) for a metadata address."""
    check_account(back_end)
    try:
        import botocore.session  # noqa: PLC0415 - clients are imported when first needed
        from botocore.config import Config  # noqa: PLC0415
    except ImportError:
        raise ConfigError("an object_store probe needs boto3: pip install 'gonogo[s3]'") from None
    parts = urlsplit(url)
    check_place(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
    given: dict[str, Any] = {}
    if back_end.auth.secret is None:  # the machine's own chain, declared as such
        session = botocore.session.Session()
    else:
        key_id, secret = back_end.names["access_key_id"], vantage.reveal(back_end.auth.secret)
        session = botocore.session.Session(session_vars=_UNDECLARED)
        given = {"aws_access_key_id": key_id, "aws_secret_access_key": secret}
    seconds = back_end.timeout.total_seconds()
    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "path"},
        proxies={},  # none, also where the machine has one
        retries={"mode": "standard", "total_max_attempts": 1},
        connect_timeout=seconds,
        read_timeout=seconds,
        max_pool_connections=16,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",  # the SHA-256 is computed here, over the whole
        user_agent="gonogo",
        ignore_configured_endpoint_urls=True,
    )
    client = session.create_client(
        "s3",
        region_name=_region(back_end),
        endpoint_url=url,
        use_ssl=parts.scheme == "https",
        verify=ca_file(back_end, vantage) or True,
        config=config,
        **given,
    )
    client.meta.events.register_first("before-send.s3", _guard(parts.scheme, parts.netloc))
    return client


def _guard(scheme: str, place: str) -> Callable[..., None]:
    """What stands between the client and the wire: reading verbs, and one host."""

    def guard(request: Any, **_: Any) -> None:
        to = urlsplit(request.url)
        if request.method not in _READS:
            raise Failure(Cause.REFUSED, f"not sent: {request.method} does not only read")
        if (to.scheme, to.netloc) != (scheme, place):
            raise Failure(Cause.REFUSED, f"not sent: the store leads to {to.scheme}://{to.netloc}, off {place}")

    return guard
