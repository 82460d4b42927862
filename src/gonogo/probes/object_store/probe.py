"""Objects under a prefix of an S3 bucket into the newest of them, their growth by day, or the newest one's SHA-256."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause, Seen
from gonogo.model.units import show_duration
from gonogo.probes.base import Probe, Sight, Vantage
from gonogo.probes.bounded import OutOfTime, within
from gonogo.probes.deadline import Deadline
from gonogo.probes.failure import Failure
from gonogo.probes.http.observer import observe
from gonogo.probes.object_store.s3 import Store, Stored, refuse

SKEW = timedelta(minutes=1)  # that two healthy clocks may differ by
_HEX = re.compile(r"(?<![0-9A-Fa-f])[0-9A-Fa-f]{64}(?![0-9A-Fa-f])")


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectStore:
    """`bucket` is a name of the back end's `names`; only keys under `prefix` count, and of those, where `match` is
    given, the ones whose rest it matches (a regular expression).

    `newest` is the one modified last, or, by key, the last in the order of keys. `as_of: incident` leaves out what
    is younger than the incident's beginning and counts ages from there. At most `pages` of 1000 keys are listed, and
    a digest reads at most `max_bytes` within `deadline` (by default the back end's timeout).
    """

    bucket: str
    prefix: str = ""
    match: str | None = None
    look: Literal["newest", "listing", "digest"] = "newest"
    by: Literal["modified", "key"] = "modified"
    as_of: Literal["now", "incident"] = "now"
    days: int = 7
    pages: int = 200
    max_bytes: int = 100_000_000_000
    deadline: timedelta | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.days <= 400 or not 1 <= self.pages <= 10_000 or self.max_bytes < 1:
            raise ConfigError("days is 1 to 400, pages 1 to 10000, max_bytes 1 or more")
        try:
            re.compile(self.match or "")
        except re.error as error:
            raise ConfigError(f"match is no regular expression: {error}") from None


def look(options: ObjectStore, vantage: Vantage) -> Sight:
    """{bucket, prefix, count, bytes, others, newest: {key, bytes, modified, age_s}}; `others` do not match,
    or stand for a folder.

    `listing` adds {over_days, days: [{day, count, bytes}], days_empty, today, growth}: the whole days of UTC before
    today, those without a byte, and the last one's bytes over the median of the days before it. `digest` adds
    {sha256, declared: {metadata, checksum, sidecar}, matches}: the SHA-256 of the newest object as it was read, and
    as x-amz-meta-sha256, S3's own checksum of the whole and the object KEY.sha256 say it. `matches` is null if none
    says it, and true only if all that do say this one; of 0 bytes it is never true. Nothing to list is NO_DATA.
    """
    store = Store(vantage)
    bucket = store.bucket(options.bucket)
    allowed = options.deadline or vantage.back_end("object_store").timeout
    source = f"s3://{bucket}/{options.prefix}"

    def see() -> Seen:
        deadline = Deadline(allowed)
        try:
            return within(allowed, lambda: _see(options, store, bucket, deadline, _until(options, vantage)))
        except OutOfTime:
            raise Failure(Cause.TIMEOUT, f"{source}: no answer within {show_duration(allowed)}") from None

    return observe(f"{source} at {store.url}", see)


def _until(options: ObjectStore, vantage: Vantage) -> datetime:
    return vantage.now if options.as_of == "now" else vantage.told().incident().began


def newest_of(options: ObjectStore, found: Iterator[Stored], until: datetime) -> tuple[list[Stored], Stored, int]:
    """Objects that count, the newest of them, and how many do not match; Failure if none counts."""
    matching: list[Stored] = []
    others = 0
    wanted = re.compile(options.match) if options.match is not None else None
    for stored in found:
        is_folder = stored.key.endswith("/") and stored.size == 0  # as consoles make them
        if is_folder or (wanted is not None and not wanted.search(stored.key.removeprefix(options.prefix))):
            others += 1
        elif options.as_of == "now" or stored.modified <= until:
            matching.append(stored)
    if not matching:
        before = f" from before {until:%Y-%m-%dT%H:%M:%SZ}" if options.as_of == "incident" else ""
        raise Failure(Cause.NO_DATA, f"no object{before} under {options.prefix!r} ({others} do not match)")
    by_key = options.by == "key"
    newest = max(matching, key=lambda one: (until if by_key else one.modified, one.key))
    if newest.modified - until > SKEW:
        raise Failure(Cause.BROKEN, f"{newest.key} was modified at {newest.modified.isoformat()}, in the future")
    return matching, newest, others


def _see(options: ObjectStore, store: Store, bucket: str, deadline: Deadline, until: datetime) -> Seen:
    found = store.objects(bucket, options.prefix, options.pages, deadline)
    matching, newest, others = newest_of(options, found, until)
    data: dict[str, Any] = {
        "bucket": bucket,
        "prefix": options.prefix,
        "count": len(matching),
        "bytes": sum(one.size for one in matching),
        "others": others,
        "newest": {
            "key": newest.key,
            "bytes": newest.size,
            "modified": newest.modified.isoformat(),
            "age_s": max(0.0, (until - newest.modified).total_seconds()),
        },
    }
    match options.look:
        case "newest":
            pass
        case "listing":
            data |= _by_day(matching, until.date(), options.days)
        case "digest":
            data |= _digest(options, store, bucket, newest, deadline)
    return Seen(data=data)


def _by_day(matching: list[Stored], today: date, over: int) -> dict[str, Any]:
    days = {today - timedelta(days=back): (0, 0) for back in range(over, -1, -1)}
    for one in matching:
        day = one.modified.date()
        if day in days:
            count, size = days[day]
            days[day] = (count + 1, size + one.size)
    rows = [{"day": day.isoformat(), "count": count, "bytes": size} for day, (count, size) in days.items()]
    sizes = [size for _, size in days.values()][:-1]
    usual = statistics.median(sizes[:-1]) if len(sizes) > 1 else 0
    return {
        "over_days": over,
        "days": rows[:-1],
        "days_empty": [day.isoformat() for day, (_, size) in days.items() if size == 0 and day != today],
        "today": rows[-1],
        "growth": sizes[-1] / usual if usual else None,
    }


def _digest(options: ObjectStore, store: Store, bucket: str, newest: Stored, deadline: Deadline) -> dict[str, Any]:
    if newest.size > options.max_bytes:
        raise Failure(Cause.PARTIAL, f"{newest.key} has {newest.size} bytes, above max_bytes {options.max_bytes}")
    declared = declared_digests(store, bucket, newest)
    sha256 = hashlib.sha256()
    for chunk in store.chunks(bucket, newest, deadline):
        sha256.update(chunk)
    digest = sha256.hexdigest()
    said = [one for one in declared.values() if one is not None]
    matches = all(one == digest for one in said) and newest.size > 0 if said else None
    return {"sha256": digest, "declared": declared, "matches": matches}


def declared_digests(store: Store, bucket: str, newest: Stored) -> dict[str, str | None]:
    """What is said about the object's SHA-256, as hex digits, by who says it."""
    told = store.metadata(bucket, newest.key)
    named = told["metadata"].get("sha256")
    beside = store.text(bucket, f"{newest.key}.sha256")
    return {
        "metadata": None if named is None else _hex(named, "x-amz-meta-sha256"),
        "checksum": None if told["checksum"] is None else _from_base64(told["checksum"]),
        "sidecar": None if beside is None else _hex(beside, f"{newest.key}.sha256"),
    }


def _hex(text: str, where: str) -> str:
    found = _HEX.search(text)
    if found is None:
        raise Failure(Cause.BROKEN, f"{where} holds no SHA-256: {text[:80]!r}")
    return found[0].lower()


def _from_base64(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).hex()
    except (binascii.Error, ValueError):
        raise Failure(Cause.BROKEN, f"the store's own checksum is no base64: {text[:80]!r}") from None


PROBE = Probe(
    options=ObjectStore,
    look=look,
    back_ends=("object_store",),
    extra="s3",
    takes=lambda options: options.deadline or timedelta(0),
    clients=("botocore.session",),
    refuse=refuse,
)
