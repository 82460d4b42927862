"""Log entries of a Cloud Run service over a window, newest first, by the generated client.

Google's high-level logging client adds `timestamp >= now-24h` to every filter; the generated one asks what is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Seen
from gonogo.probes.base import Probe, Sight, Vantage
from gonogo.probes.deadline import Deadline
from gonogo.probes.google.client import channel, host_of, missing, name_of, pages
from gonogo.probes.google.monitoring import window_start
from gonogo.probes.http.observer import observe

ENDPOINT = "logging.googleapis.com"
SEVERITIES = ("DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY")
_FIELDS = ("type", "status_code", "process_time_ms", "response_time", "persona_used", "error_type", "service")
_MORE_FIELDS = ("user_id", "message_length")
_PAGE = 1000
_LONGEST = 500  # characters of a message


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudLoggingOptions:
    """`severity` is the lowest one wanted, `filter` in Google's own language; at most `limit` entries are read,
    and more than that are an answer that is not complete. `newest` asks for the newest so many only: they are complete.

    The window is the last `over`, with `since_t0` the first `over` after T0.
    """

    side: str
    filter: str = ""
    severity: str | None = None
    over: timedelta = timedelta(minutes=60)
    since_t0: bool = False
    limit: int = 5000
    newest: int | None = None

    def __post_init__(self) -> None:
        if self.newest is not None and not 1 <= self.newest <= self.limit:
            raise ConfigError(f"newest is 1 to limit ({self.limit})")
        if self.severity is not None and self.severity not in SEVERITIES:
            raise ConfigError(f"severity {self.severity!r} is not one of {', '.join(SEVERITIES)}")
        if not 1 <= self.limit <= 50_000:
            raise ConfigError("limit is 1 to 50000")


def look(options: CloudLoggingOptions, vantage: Vantage) -> Sight:
    """The entries; none at all is a complete answer too, and `complete` says whether the limit cut them off."""
    service = vantage.side(options.side).service
    if service is None:
        raise ConfigError(f"side {options.side} needs `service`, its Cloud Run name", vantage.environment.origin)
    back_end = vantage.back_end("cloud_logging")
    where = f"Cloud Logging of {service} at {host_of(back_end, ENDPOINT)}"

    def read() -> Seen:
        most = options.newest or options.limit
        start = window_start(options.over, vantage, since_t0=options.since_t0, where=where)
        end = min(vantage.now, start + options.over)
        request = {
            "resource_names": [f"projects/{name_of(back_end, 'cloud_logging', 'project')}"],
            "filter": _filter(options, service, start, end),
            "order_by": "timestamp desc",
            "page_size": min(_PAGE, most),
        }
        entries: list[dict[str, Any]] = []
        complete = True
        for page in pages(where, client(vantage).list_log_entries, request, Deadline(back_end.timeout)):
            room = most - len(entries)
            entries += [_entry(raw) for raw in page.entries[:room]]
            if len(entries) >= most and (len(page.entries) > room or page.next_page_token):
                complete = options.newest is not None
                break
        return Seen(
            data={
                "entries": entries,
                "count": len(entries),
                "complete": complete,
                "over_s": (end - start).total_seconds(),
            },
            newest=datetime.fromisoformat(entries[0]["t"]) if entries and end == vantage.now else None,
            notes=() if complete else (f"only the newest {options.limit} entries were read",),
        )

    return observe(where, read)


def _filter(options: CloudLoggingOptions, service: str, start: datetime, end: datetime) -> str:
    parts = [
        'resource.type="cloud_run_revision"',
        f'resource.labels.service_name="{service}"',
        f'timestamp>="{stamp(start)}"',
        f'timestamp<="{stamp(end)}"',
    ]
    if options.severity:
        parts.append(f"severity>={options.severity}")
    if options.filter:
        parts.append(f"({options.filter})")
    return " AND ".join(parts)


def stamp(when: datetime) -> str:
    """A time as the filter language writes it."""
    return when.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def client(vantage: Vantage) -> Any:
    """The run's client for log entries."""
    try:
        from google.cloud.logging_v2.services.logging_service_v2 import LoggingServiceV2Client  # noqa: PLC0415
        from google.cloud.logging_v2.services.logging_service_v2.transports import (  # noqa: PLC0415
            LoggingServiceV2GrpcTransport,
        )
    except ImportError:
        raise missing() from None
    line = channel(vantage, "cloud_logging", ENDPOINT)
    return LoggingServiceV2Client(transport=LoggingServiceV2GrpcTransport(channel=line))


def _entry(raw: Any) -> dict[str, Any]:
    payload = raw.json_payload.fields if raw.HasField("json_payload") else {}
    values = {name: _value(payload[name]) if name in payload else None for name in (*_FIELDS, *_MORE_FIELDS)}
    message = _value(payload["message"]) if "message" in payload else raw.text_payload or None
    if values["status_code"] is None and raw.http_request.status:
        values["status_code"] = raw.http_request.status
    return {
        "t": raw.timestamp.ToDatetime(tzinfo=UTC).isoformat(),
        "severity": _severity(raw.severity),
        "message": message if message is None else str(message)[:_LONGEST],
        **values,
        "revision": raw.resource.labels.get("revision_name"),
    }


def _severity(number: int) -> str:
    return SEVERITIES[number // 100] if number % 100 == 0 and 0 <= number <= 800 else str(number)


def _value(value: Any) -> Any:
    """A protobuf value as JSON; its numbers are all doubles, so whole ones become integers again."""
    kind = value.WhichOneof("kind")
    if kind == "number_value":
        number: float = value.number_value
        return int(number) if number.is_integer() else number
    if kind in ("string_value", "bool_value"):
        return getattr(value, kind)
    if kind == "struct_value":
        return _fields(value.struct_value.fields)
    if kind == "list_value":
        return [_value(item) for item in value.list_value.values]
    return None


def _fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _value(item) for key, item in fields.items()}


PROBE = Probe(
    clients=("google.cloud.logging_v2.services.logging_service_v2",),
    options=CloudLoggingOptions,
    look=look,
    sides=lambda options: (options.side,),
    back_ends=("cloud_logging",),
    extra="google",
)
