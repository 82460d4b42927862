"""What may go wrong when traffic is changed: a world's faults into how UpdateService and its operation end."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc
from google.longrunning import operations_pb2
from google.rpc import status_pb2

if TYPE_CHECKING:
    from services import Service, Traffic
    from world import World

TAKES_S = 0.2  # of an operation
MASK = ["traffic"]
_TWICE = 2


@dataclass(slots=True, kw_only=True)
class _Pending:
    ends: float
    operation: Any


class Updates:
    """Changes of traffic that were asked for. The caller holds the world's lock."""

    def __init__(self) -> None:
        self._pending: dict[str, _Pending] = {}

    def admit(self, world: World, service: Service, request: Any, context: Any) -> None:
        """Abort what is not allowed, not possible or made to fail before anything is changed."""
        if list(request.update_mask.paths) not in ([], MASK):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "only the field traffic can be updated here")
        if world.fault("update-denied"):
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "Permission 'run.services.update' denied")
        if world.fault("update-unavailable-twice") and world.count("update-unavailable-twice") < _TWICE:
            context.abort(grpc.StatusCode.UNAVAILABLE, "The service is currently unavailable")
        if world.fault("update-aborted-once") and not world.count("update-aborted-once"):
            service.generation += 1  # somebody else was faster

    def make(self, world: World, service: Service, traffic: Sequence[Traffic], context: Any) -> None:
        """Change it, as the faults of the world let it be changed."""
        if world.fault("update-fails-late"):
            return
        service.generation += 1
        if world.fault("split-never-stands"):
            service.asked = list(traffic)
            return
        if world.fault("revision-fails-under-traffic"):
            before = {share.revision for share in service.traffic if share.percent}
            for revision in service.revisions:
                grown = sum(share.percent for share in traffic if share.revision == revision.name)
                if grown and (revision is service.revisions[0] or revision.name not in before):
                    revision.ready, revision.reason = False, "HealthCheckContainerError"
        service.traffic = list(traffic)
        if world.fault("update-answer-lost"):
            context.abort(grpc.StatusCode.UNAVAILABLE, "Socket closed")

    def operation(self, world: World, name: str, response: Any) -> Any:
        """An operation that is under way; `ended` tells its end."""
        done = operations_pb2.Operation(name=name, done=True)
        if world.fault("update-fails-late"):
            done.error.CopyFrom(status_pb2.Status(code=13, message="Route update failed"))
        else:
            done.response.CopyFrom(response)
        self._pending[name] = _Pending(ends=time.monotonic() + TAKES_S, operation=done)
        return operations_pb2.Operation(name=name)

    def ended(self, name: str) -> Any:
        """The operation as it stands; one that nobody knows is done."""
        pending = self._pending.get(name)
        if pending is None:
            return operations_pb2.Operation(name=name, done=True)
        return operations_pb2.Operation(name=name) if time.monotonic() < pending.ends else pending.operation
