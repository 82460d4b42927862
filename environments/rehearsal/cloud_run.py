"""Cloud Run over gRPC on Google's own messages: services, revisions, traffic updates guarded by an etag."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import grpc
from google.cloud.run_v2.types import condition, k8s_min, revision_template, traffic_target, vendor_settings
from google.cloud.run_v2.types import revision as gcr_revision
from google.cloud.run_v2.types import service as gcr_service
from google.longrunning import operations_pb2
from google.protobuf import any_pb2
from rollout_faults import Updates
from world import PROJECT, REGION, Revision, Service, Traffic, World, WorldRef

PARENT = f"projects/{PROJECT}/locations/{REGION}"
SIDE_OF = {"ion-api": "ion-stable", "ion-api-canary": "ion-canary", "ion-api-staging": "ion-staging"}
_BY_REVISION = traffic_target.TrafficTargetAllocationType.TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION
_OK, _FAILED = condition.Condition.State.CONDITION_SUCCEEDED, condition.Condition.State.CONDITION_FAILED


class CloudRun:
    """The methods of google.cloud.run.v2 that a gate reads, and UpdateService."""

    def __init__(self, ref: WorldRef) -> None:
        self._ref = ref
        self._updates = Updates()

    def get_service(self, request: Any, context: Any) -> Any:
        return self._service_message(self._find(request.name, context))

    def list_services(self, request: Any, context: Any) -> Any:
        services = [self._service_message(service) for service in self._ref.world.services.values()]
        if request.parent != PARENT:
            services = []
        found, token = _page(services, request)
        return gcr_service.ListServicesResponse(services=found, next_page_token=token)

    def update_service(self, request: Any, context: Any) -> Any:
        """Set traffic. A stale etag is ABORTED, a revision that is not READY refused; validate_only changes nothing."""
        wanted = request.service
        world = self._ref.world
        with world.lock:
            service = self._find(wanted.name, context)
            self._updates.admit(world, service, request, context)
            if wanted.etag and wanted.etag != _etag(service):
                context.abort(
                    grpc.StatusCode.ABORTED,
                    f"Conflict for resource '{service.name}': version {wanted.etag} was specified but current version"
                    f" is {_etag(service)}",
                )
            traffic = [_share(service, target, context) for target in wanted.traffic]
            if traffic and sum(share.percent for share in traffic) != 100:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, "traffic percentages must sum to 100")
            packed = any_pb2.Any()
            if request.validate_only:
                packed.Pack(gcr_service.Service.pb(self._service_message(service)))
                return operations_pb2.Operation(done=True, response=packed)
            self._updates.make(world, service, traffic or service.traffic, context)
            packed.Pack(gcr_service.Service.pb(self._service_message(service)))
            return self._updates.operation(world, f"{PARENT}/operations/{time.time_ns()}", packed)

    def get_revision(self, request: Any, context: Any) -> Any:
        parent, _, name = request.name.rpartition("/revisions/")
        service = self._find(parent, context)
        for revision in service.revisions:
            if revision.name == name:
                return _revision_message(service, revision)
        return context.abort(grpc.StatusCode.NOT_FOUND, f"Revision '{name}' was not found")

    def list_revisions(self, request: Any, context: Any) -> Any:
        service = self._find(request.parent, context)
        found, token = _page([_revision_message(service, r) for r in service.revisions], request)
        return gcr_revision.ListRevisionsResponse(revisions=found, next_page_token=token)

    def get_operation(self, request: Any, context: Any) -> Any:
        with self._ref.world.lock:
            return self._updates.ended(request.name)

    def _find(self, name: str, context: Any) -> Service:
        parent, _, short = name.rpartition("/services/")
        service = self._ref.world.services.get(short) if parent == PARENT else None
        if service is None:
            context.abort(grpc.StatusCode.NOT_FOUND, f"Resource '{name}' was not found")
        assert service is not None  # noqa: S101 - abort() raises
        return service

    def _service_message(self, service: Service) -> Any:
        name = f"{PARENT}/services/{service.name}"
        uri = self._ref.addresses.get(SIDE_OF[service.name], "")
        created, ready = service.latest_created, service.latest_ready
        state = condition.Condition(type_="Ready", state=_OK if created is ready else _FAILED, message=created.reason)
        targets = [
            traffic_target.TrafficTarget(type_=_BY_REVISION, revision=t.revision, percent=t.percent, tag=t.tag)
            for t in (service.traffic if service.asked is None else service.asked)
        ]
        statuses = [
            traffic_target.TrafficTargetStatus(
                type_=_BY_REVISION, revision=t.revision, percent=t.percent, tag=t.tag, uri=uri
            )
            for t in service.traffic
        ]
        return gcr_service.Service(
            name=name,
            generation=service.generation,
            observed_generation=service.generation - (service.asked is not None),
            reconciling=service.asked is not None,
            etag=_etag(service),
            create_time=_time(service.revisions[-1].created),
            update_time=_time(created.created),
            uri=uri,
            urls=[uri],
            template=revision_template.RevisionTemplate(
                containers=[_container(service, created)], scaling=_scaling(service)
            ),
            traffic=targets,
            traffic_statuses=statuses,
            latest_created_revision=f"{name}/revisions/{created.name}",
            latest_ready_revision=f"{name}/revisions/{ready.name}",
            terminal_condition=state,
            conditions=[state],
        )


def _revision_message(service: Service, revision: Revision) -> Any:
    name = f"{PARENT}/services/{service.name}/revisions/{revision.name}"
    state = _OK if revision.ready else _FAILED
    message = "" if revision.ready else f"Revision is not ready: {revision.reason}"
    return gcr_revision.Revision(
        name=name,
        service=service.name,
        generation=1,
        observed_generation=1,
        create_time=_time(revision.created),
        update_time=_time(revision.created),
        containers=[_container(service, revision)],
        scaling=_scaling(service),
        conditions=[condition.Condition(type_="Ready", state=state, message=message)],
    )


def _container(service: Service, revision: Revision) -> Any:
    probe = k8s_min.Probe(
        http_get=k8s_min.HTTPGetAction(path=service.health_path, port=8080), timeout_seconds=service.health_timeout_s
    )
    return k8s_min.Container(
        image=revision.image,
        resources=k8s_min.ResourceRequirements(limits={"memory": service.memory, "cpu": service.cpu}),
        ports=[k8s_min.ContainerPort(container_port=8080)],
        liveness_probe=probe,
        startup_probe=probe,
    )


def _scaling(service: Service) -> Any:
    return vendor_settings.RevisionScaling(
        min_instance_count=service.min_instances, max_instance_count=service.max_instances
    )


def _share(service: Service, target: Any, context: Any) -> Traffic:
    name = target.revision or service.latest_ready.name
    if all(revision.name != name for revision in service.revisions):
        context.abort(grpc.StatusCode.NOT_FOUND, f"Revision '{name}' is not found")
    if target.percent and not service.revision(name).ready:
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"Revision '{name}' is not ready and cannot serve traffic.")
    return Traffic(revision=name, percent=target.percent, tag=target.tag)


def _page(items: list[Any], request: Any) -> tuple[list[Any], str]:
    start, size = int(request.page_token or 0), request.page_size or 100
    return items[start : start + size], str(start + size) if start + size < len(items) else ""


def _etag(service: Service) -> str:
    return f'"rehearsal-{service.name}-{service.generation}"'


def _time(at: float) -> datetime:
    return datetime.fromtimestamp(at, tz=UTC)


def _guarded(ref: WorldRef, method: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """The method behind the faults of the whole back end."""

    def call(request: Any, context: Any) -> Any:
        world: World = ref.world
        if world.fault("cloud-run-denied"):
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "Permission 'run.services.get' denied")
        while world.fault("cloud-run-hangs") and ref.world is world and context.is_active():
            time.sleep(0.05)
        return method(request, context)

    return call


def start(ref: WorldRef, host: str = "127.0.0.1") -> tuple[str, grpc.Server]:
    """Serve; returns host:port and the server, which the caller stops."""
    run = CloudRun(ref)

    def handler(method: Callable[[Any, Any], Any], asked: Any, answer: Any) -> Any:
        return grpc.unary_unary_rpc_method_handler(
            _guarded(ref, method),
            request_deserializer=asked.FromString if hasattr(asked, "FromString") else asked.deserialize,
            response_serializer=answer.SerializeToString if hasattr(answer, "SerializeToString") else answer.serialize,
        )

    operation = operations_pb2.Operation
    tables: dict[str, dict[str, Any]] = {
        "google.cloud.run.v2.Services": {
            "GetService": handler(run.get_service, gcr_service.GetServiceRequest, gcr_service.Service),
            "ListServices": handler(
                run.list_services, gcr_service.ListServicesRequest, gcr_service.ListServicesResponse
            ),
            "UpdateService": handler(run.update_service, gcr_service.UpdateServiceRequest, operation),
        },
        "google.cloud.run.v2.Revisions": {
            "GetRevision": handler(run.get_revision, gcr_revision.GetRevisionRequest, gcr_revision.Revision),
            "ListRevisions": handler(
                run.list_revisions, gcr_revision.ListRevisionsRequest, gcr_revision.ListRevisionsResponse
            ),
        },
        "google.longrunning.Operations": {
            "GetOperation": handler(run.get_operation, operations_pb2.GetOperationRequest, operation)
        },
    }
    server = grpc.server(ThreadPoolExecutor(max_workers=16))
    server.add_generic_rpc_handlers(
        tuple(grpc.method_handlers_generic_handler(name, table) for name, table in tables.items())
    )
    port = server.add_insecure_port(f"{host}:0")
    server.start()
    return f"{host}:{port}", server
