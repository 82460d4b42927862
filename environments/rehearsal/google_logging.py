"""Cloud Logging's ListLogEntries over a world's log lines, on Google's own message classes."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import clock
import grpc
import telemetry
from filter_language import FilterError, Node, matches, ordered, parse, paths, predicate, required
from google.cloud.logging_v2 import types
from telemetry import SEVERITIES, Line
from world import PROJECT, REGION, World, WorldRef

METHOD = "google.logging.v2.LoggingServiceV2"
LOG_NAMES = {
    True: f"projects/{PROJECT}/logs/run.googleapis.com%2Fstdout",  # of the application
    False: f"projects/{PROJECT}/logs/run.googleapis.com%2Fvarlog%2Fsystem",  # of the platform
}
LARGEST_PAGE, USUAL_PAGE = 1000, 50
_FIELDS = ("severity", "timestamp", "receiveTimestamp", "insertId", "logName", "textPayload", "jsonPayload")
_Entry: Any = types.LogEntry.pb()
_Answer: Any = types.ListLogEntriesResponse.pb()
_Names: Any = types.ListLogsResponse.pb()


class Refused(Exception):
    """A call that ends with a status: its code and text."""

    def __init__(self, code: grpc.StatusCode, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


def start(ref: WorldRef, host: str = "127.0.0.1") -> tuple[str, grpc.Server]:
    """Serve; gives host:port and the server."""
    server = grpc.server(ThreadPoolExecutor(max_workers=16, thread_name_prefix="logging"))
    server.add_generic_rpc_handlers(tuple(handlers(ref)))
    port = server.add_insecure_port(f"{host}:0")
    server.start()
    return f"{host}:{port}", server


def handlers(ref: WorldRef) -> list[Any]:
    """The service's handlers for grpc.Server.add_generic_rpc_handlers; the world is looked up at each call."""

    def unary(work: Callable[[World, Any], Any], request: Any, response: Any) -> Any:
        return grpc.unary_unary_rpc_method_handler(
            lambda asked, context: answered(work, ref.world, asked, context),
            request_deserializer=request.FromString,
            response_serializer=response.SerializeToString,
        )

    methods = {
        "ListLogEntries": unary(list_log_entries, types.ListLogEntriesRequest.pb(), _Answer),
        "ListLogs": unary(_list_logs, types.ListLogsRequest.pb(), _Names),
    }
    return [grpc.method_handlers_generic_handler(METHOD, methods)]


def answered(work: Callable[[World, Any], Any], world: World, asked: Any, context: grpc.ServicerContext) -> Any:
    """The answer of `work`; what it refuses ends the call with its status."""
    try:
        return work(world, asked)
    except FilterError as error:
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
    except Refused as refused:
        context.abort(refused.code, refused.text)


def list_log_entries(world: World, asked: Any) -> Any:
    """One page of entries: a ListLogEntriesResponse."""
    if list(asked.resource_names) != [f"projects/{PROJECT}"]:
        raise Refused(grpc.StatusCode.PERMISSION_DENIED, f"Permission denied for {', '.join(asked.resource_names)}")
    newest_first = _order(asked.order_by)
    node = parse(asked.filter)
    _check_fields(node)
    _fail_if_asked_to(world, node)
    digest = hashlib.sha256(f"{asked.filter}\n{newest_first}".encode()).hexdigest()[:16]
    after = _read_token(world, asked.page_token, digest)
    size = min(asked.page_size or USUAL_PAGE, LARGEST_PAGE)
    page, more = _page(world, node, newest_first=newest_first, after=after, size=size)
    answer = _Answer(entries=[_entry(line) for line in page])
    if page and (more or world.fault("logging-page-lost")):
        token = json.dumps([digest, page[-1].at, page[-1].insert_id])
        answer.next_page_token = base64.urlsafe_b64encode(token.encode("utf-8")).decode("ascii")
    return answer


def _page(
    world: World, node: Node, *, newest_first: bool, after: tuple[float, str] | None, size: int
) -> tuple[list[Line], bool]:
    """Up to `size` matching lines past a key, and whether there are more."""
    service, first, last = _bounds(node)
    if after is not None:
        first, last = (first, min(last, after[0])) if newest_first else (max(first, after[0]), last)
    matching = predicate(node, _field, _texts, _compare)
    with world.lock:
        lines = telemetry.of(world, clock.now()).between(service, first, last)
    page: list[Line] = []
    for line in reversed(lines) if newest_first else lines:
        if after is not None and (line.key >= after if newest_first else line.key <= after):
            continue
        if matching(line):
            if len(page) == size:
                return page, True
            page.append(line)
    return page, False


def _order(text: str) -> bool:
    """Whether the newest come first."""
    if text not in ("", "timestamp", "timestamp asc", "timestamp desc"):
        raise Refused(grpc.StatusCode.INVALID_ARGUMENT, f"order_by: '{text}' is not timestamp asc or desc")
    return text == "timestamp desc"


def _read_token(world: World, token: str, digest: str) -> tuple[float, str] | None:
    if not token:
        return None
    try:
        of_filter, at, insert_id = json.loads(base64.urlsafe_b64decode(token.encode("ascii")))
    except ValueError as error:
        raise Refused(grpc.StatusCode.INVALID_ARGUMENT, "page_token is invalid") from error
    if of_filter != digest or world.fault("logging-page-lost"):
        raise Refused(grpc.StatusCode.INVALID_ARGUMENT, "page_token doesn't match arguments from the request")
    return float(at), str(insert_id)


def _fail_if_asked_to(world: World, node: Node) -> None:
    for_errors = any(
        (found.path == "severity" and found.op in ("=", ">=", ">") and _severity(found.value) >= SEVERITIES["WARNING"])
        or (found.path == "jsonPayload.type" and found.value == "error")
        for found in required(node)
    )
    if for_errors and world.fault("error-log-query-fails"):
        raise Refused(grpc.StatusCode.DEADLINE_EXCEEDED, "The query took too long")
    if not for_errors and world.fault("access-log-query-fails"):
        raise Refused(grpc.StatusCode.UNAVAILABLE, "The service is currently unavailable")


def _bounds(node: Node) -> tuple[str | None, float, float]:
    """Service and times that every match has, so that an index can be used."""
    service, first, last = None, -1e12, 1e12
    for found in required(node):
        if found.path == "resource.labels.service_name" and found.op == "=":
            service = found.value
        elif found.path == "timestamp":
            at = _timestamp(found.value)
            if found.op in (">", ">=", "="):
                first = max(first, at)
            if found.op in ("<", "<=", "="):
                last = min(last, at)
    return service, first, last


def _check_fields(node: Node) -> None:
    for path in paths(node):
        root, _, rest = path.partition(".")
        if path in ("resource.type", *_FIELDS) or (rest and root == "jsonPayload"):
            continue
        if path.startswith(("resource.labels.", "labels.")):
            continue
        raise FilterError(f"Field not found: '{path}'")


def _field(line: Line, path: str) -> Any:
    if path.startswith("jsonPayload."):
        return None if line.payload is None else line.payload.get(path[12:])
    match path:
        case "severity":
            return line.severity
        case "timestamp" | "receiveTimestamp":
            return line.at
        case "resource.type":
            return "cloud_run_revision"
        case "resource.labels.service_name" | "resource.labels.configuration_name":
            return line.service
        case "resource.labels.revision_name":
            return line.revision
        case "resource.labels.project_id":
            return PROJECT
        case "resource.labels.location":
            return REGION
        case "textPayload":
            return line.text
        case "jsonPayload":
            return None if line.payload is None else list(line.payload.values())
        case "insertId":
            return line.insert_id
        case "logName":
            return LOG_NAMES[line.payload is not None]
        case _:
            return None


def _texts(line: Line) -> str:
    if line.payload is None:
        return line.text or ""
    return "\n".join(str(value) for value in line.payload.values())


def _compare(path: str, op: str, value: str) -> Callable[[Any], bool] | None:
    """Severities by rank, times as instants; the rest as text and numbers."""
    if path == "severity":
        rank = _severity(value)
        return lambda seen: ordered(seen, "=" if op == ":" else op, rank)
    if path in ("timestamp", "receiveTimestamp"):
        at = _timestamp(value)
        return lambda seen: ordered(seen, op, at)
    if path == "jsonPayload" and op == ":" and value == "*":
        return lambda seen: seen is not None
    return lambda seen: matches(seen, op, value)


def _severity(text: str) -> int:
    if text.upper() in SEVERITIES:
        return SEVERITIES[text.upper()]
    if text.isdigit():
        return int(text)
    raise FilterError(f"Invalid severity '{text}', expected one of {', '.join(SEVERITIES)}")


def _timestamp(text: str) -> float:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise FilterError(f"Invalid timestamp '{text}', expected RFC 3339") from error
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _entry(line: Line) -> Any:
    entry = _Entry(log_name=LOG_NAMES[line.payload is not None], insert_id=line.insert_id, severity=line.severity)
    entry.resource.type = "cloud_run_revision"
    entry.resource.labels.update(resource_labels(line.service, line.revision))
    entry.timestamp.FromNanoseconds(int(line.at * 1e9))
    entry.receive_timestamp.FromNanoseconds(int((line.at + 0.2) * 1e9))
    if line.payload is not None:
        entry.json_payload.update(line.payload)
    else:
        entry.text_payload = line.text or ""
    return entry


def resource_labels(service: str, revision: str) -> dict[str, str]:
    """Labels of the monitored resource cloud_run_revision."""
    return {
        "project_id": PROJECT,
        "service_name": service,
        "revision_name": revision,
        "configuration_name": service,
        "location": REGION,
    }


def _list_logs(_world: World, _asked: Any) -> Any:
    return _Names(log_names=sorted(LOG_NAMES.values()))
