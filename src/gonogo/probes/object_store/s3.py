"""An S3 bucket into listings and streamed objects, by List, Get and Head alone and from one host alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from gonogo.model.environment import Environment
from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause
from gonogo.probes.base import Vantage
from gonogo.probes.deadline import Deadline
from gonogo.probes.failure import Failure
from gonogo.probes.named import named
from gonogo.probes.object_store.client import NAME, check_account, client_of, endpoint

T = TypeVar("T")

CHUNK = 1 << 20
PAGE = 1_000  # keys; the most that S3 gives at once
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\Z")
_LIMITED = frozenset(("SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequests"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One object as a listing tells it."""

    key: str
    size: int  # bytes
    modified: datetime
    etag: str


def bucket_of(environment: Environment, name: str) -> str:
    """The bucket that the back end's `names` gives for `name`; ConfigError if it gives none."""
    bucket = named(environment, NAME, name, "a bucket")
    if not _BUCKET.match(bucket):
        origin = environment.back_ends[NAME].origin
        raise ConfigError(f"back end {NAME}: names.{name} is no name of a bucket: {bucket!r}", origin)
    return bucket


def refuse(options: Any, environment: Environment, _: Path) -> None:
    """ConfigError for a bucket, a region or a key's name that the environment lacks: before anything is sent."""
    bucket_of(environment, options.bucket)
    check_account(environment.back_ends[NAME])


class Store:
    """The back end `object_store`. Its client is thread-safe and shared by the looks of a run."""

    def __init__(self, vantage: Vantage) -> None:
        self._back_end = vantage.back_end(NAME)
        self.url = endpoint(self._back_end)
        self._vantage = vantage

    @property
    def client(self) -> Any:
        """The client of botocore, made by the first look that asks for something."""
        made = partial(client_of, self._back_end, self.url, self._vantage)
        return self._vantage.shared(f"s3 {self.url}", made)

    def bucket(self, name: str) -> str:
        """The bucket that the environment's `names` gives for `name`; ConfigError if it gives none."""
        return bucket_of(self._vantage.environment, name)

    def objects(self, bucket: str, prefix: str, pages: int, deadline: Deadline) -> Iterator[Stored]:
        """Every object under `prefix`, in the order of keys. Failure(PARTIAL) if a page is lost, repeats, or if
        there are more than `pages`.
        """
        where = f"s3://{bucket}/{prefix}"
        token: str | None = None
        used: set[str] = set()
        last = ""
        for page in range(1, pages + 1):
            if deadline.left <= 0:
                raise Failure(Cause.TIMEOUT, f"{where}: {deadline.allowed:g} s ran out at page {page}")
            more = {} if token is None else {"ContinuationToken": token}
            list_page = partial(self.client.list_objects_v2, Bucket=bucket, Prefix=prefix, MaxKeys=PAGE, **more)
            answer = _asked(where, list_page)
            for row in answer.get("Contents", ()):
                stored = _stored(row, where)
                if stored.key <= last:
                    raise Failure(Cause.PARTIAL, f"{where}: page {page} repeats or goes back to {stored.key[:80]!r}")
                if not stored.key.startswith(prefix):
                    raise Failure(Cause.BROKEN, f"{where}: page {page} holds {stored.key[:80]!r}")
                last = stored.key
                yield stored
            if not answer.get("IsTruncated"):
                return
            token = answer.get("NextContinuationToken")
            if not token or token in used:
                why = "its token repeats" if token else "it has no token"
                raise Failure(Cause.PARTIAL, f"{where}: page {page} is not the last one and {why}")
            used.add(token)
        raise Failure(Cause.PARTIAL, f"{where}: more than {pages} pages of {PAGE}; narrow the prefix")

    def metadata(self, bucket: str, key: str) -> dict[str, Any]:
        """{metadata: {name: text}, checksum}: the user's metadata, and S3's own SHA-256 (base64) of the whole object
        or None.
        """
        where = f"s3://{bucket}/{key}"
        answer = _asked(where, lambda: self.client.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED"))
        whole = answer.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT"
        checksum = answer.get("ChecksumSHA256") if whole else None
        named = {str(name).casefold(): str(text) for name, text in (answer.get("Metadata") or {}).items()}
        return {"metadata": named, "checksum": None if checksum is None or "-" in checksum else checksum}

    def chunks(self, bucket: str, stored: Stored, deadline: Deadline) -> Iterator[bytes]:
        """The object's bytes. Failure if it is no longer the listed one, ends early, or the deadline runs out."""
        where = f"s3://{bucket}/{stored.key}"
        match = {"IfMatch": stored.etag} if stored.etag else {}
        answer = _asked(where, lambda: self.client.get_object(Bucket=bucket, Key=stored.key, **match))
        body = answer["Body"]
        got = 0
        try:
            while True:
                if deadline.left <= 0:
                    raise Failure(Cause.TIMEOUT, f"{where}: {deadline.allowed:g} s ran out after {got} bytes")
                chunk = _asked(where, lambda: body.read(CHUNK))
                if not chunk:
                    break
                got += len(chunk)
                if got > stored.size:
                    raise Failure(Cause.BROKEN, f"{where}: more than the listed {stored.size} bytes")
                yield chunk
        finally:
            body.close()
        if got != stored.size:
            raise Failure(Cause.BROKEN, f"{where}: {got} of {stored.size} bytes")

    def text(self, bucket: str, key: str, cap: int = 4_096) -> str | None:
        """A small object as text; None if it is not there."""
        where = f"s3://{bucket}/{key}"
        try:
            answer = _asked(where, lambda: self.client.get_object(Bucket=bucket, Key=key))
        except Failure as failure:
            if failure.cause is Cause.NO_DATA:
                return None
            raise
        body: bytes = _asked(where, lambda: answer["Body"].read(cap + 1))
        answer["Body"].close()
        if len(body) > cap:
            raise Failure(Cause.BROKEN, f"{where}: more than {cap} bytes")
        try:
            return body.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Failure(Cause.BROKEN, f"{where}: invalid UTF-8 at byte {error.start}") from None


def _stored(row: Any, where: str) -> Stored:
    key, size, modified = row.get("Key"), row.get("Size"), row.get("LastModified")
    if not isinstance(key, str) or not isinstance(size, int) or size < 0 or not isinstance(modified, datetime):
        raise Failure(Cause.BROKEN, f"{where}: an object without a key, a size or a time")
    return Stored(key=key, size=size, modified=modified.astimezone(UTC), etag=str(row.get("ETag", "")))


def _asked(where: str, call: Callable[[], T]) -> T:
    """What the client returns; what it raises as a Failure."""
    from botocore import exceptions as wrong  # noqa: PLC0415

    try:
        return call()
    except wrong.ClientError as error:
        raise _refused(where, error.response) from None
    except (wrong.ConnectTimeoutError, wrong.ReadTimeoutError) as error:
        raise Failure(Cause.TIMEOUT, f"{where}: {error}") from None
    except (wrong.NoCredentialsError, wrong.PartialCredentialsError, wrong.CredentialRetrievalError) as error:
        raise Failure(Cause.DENIED, f"{where}: {error}") from None
    except wrong.TokenRetrievalError as error:
        raise Failure(Cause.DENIED, f"{where}: {error}") from None
    except (wrong.HTTPClientError, wrong.ConnectionError) as error:
        broken = isinstance(error, (wrong.ResponseStreamingError, wrong.IncompleteReadError))
        raise Failure(Cause.BROKEN if broken else Cause.UNREACHABLE, f"{where}: {error}") from None
    except (wrong.BotoCoreError, ValueError, KeyError, TypeError) as error:
        raise Failure(Cause.BROKEN, f"{where}: {type(error).__name__}: {str(error)[:200]}") from None


def _refused(where: str, response: Any) -> Failure:
    code = str(response.get("Error", {}).get("Code", ""))
    said = str(response.get("Error", {}).get("Message", ""))[:200]
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) or 0)
    text = f"{where}: {status} {code}" + (f": {said}" if said and said != code else "")
    if code in _LIMITED or status in (429, 503):
        return Failure(Cause.LIMITED, text)
    if status in (401, 403):
        return Failure(Cause.DENIED, text)
    if status == 404:
        return Failure(Cause.NO_DATA, text)
    if status == 412:
        return Failure(Cause.PARTIAL, f"{where}: it was changed while it was being read")
    if 300 <= status < 400:
        return Failure(Cause.REFUSED, f"{text}; not followed: put the bucket's own region into the environment file")
    return Failure(Cause.BROKEN, text)
