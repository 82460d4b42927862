"""Lists of a cluster: whole or not at all, within their time, by reading verbs only; and what is made of pods."""

from __future__ import annotations

import copy
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gonogo.model.environment import Auth, AuthKind, BackEnd, Environment, Guards, Release
from gonogo.model.errors import ConfigError, SafetyRefusal
from gonogo.model.evidence import Cause, Seen, Unseen
from gonogo.probes.base import Vantage
from gonogo.probes.kubernetes import client as kubernetes_client
from gonogo.probes.kubernetes.client import Cluster, api_client
from gonogo.probes.kubernetes.pods import KubernetesPods, look, pod

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
PODS = "/api/v1/namespaces/shop/pods"
RELEASE = Release(version="1.4.0", commit="c", image="registry.example/team/judgment:v1.4.0")
TOKEN = "right-horse-battery"

Make = Callable[..., Vantage]


def ago(seconds: float) -> str:
    return (NOW - timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def raw_pod(name: str = "judgment-6f-x1", *, owner: str = "judgment", image: str = RELEASE.image, **more: Any) -> Any:
    """A pod that has been ready for an hour."""
    ready = more.pop("ready", True)
    status = {
        "name": "app",
        "image": image,
        "ready": ready,
        "restartCount": more.pop("restarts", 0),
        "state": more.pop("state", {"running": {"startedAt": ago(3600)}}),
        "lastState": more.pop("last", {}),
    }
    metadata = {
        "name": name,
        "namespace": "shop",
        "creationTimestamp": ago(more.pop("age", 3600)),
        "labels": {"pod-template-hash": "6f"},
        "ownerReferences": [{"kind": "ReplicaSet", "name": f"{owner}-6f", "controller": True}],
        **more.pop("metadata", {}),
    }
    condition = {"type": "Ready", "status": str(ready), "lastTransitionTime": ago(more.pop("since", 3500))}
    told = {"phase": more.pop("phase", "Running"), "conditions": [condition], "containerStatuses": [status]}
    return {
        "metadata": metadata,
        "spec": {"nodeName": "n1", "containers": [{"name": "app", "image": image}]},
        "status": {**told, **more},
    }


def listed(*pods: Any, **metadata: Any) -> dict[str, Any]:
    return {"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": "7", **metadata}, "items": [*pods]}


@pytest.fixture
def vantage(fake: Any, vantage_of: Make) -> Make:
    def make(url: str = "", hosts: tuple[str, ...] = (), timeout: float = 30.0, names: Any = None) -> Vantage:
        back_end = BackEnd(
            address=url or fake.url,
            auth=Auth(kind=AuthKind.BEARER, secret="K8S"),
            names={"production": "shop", **(names or {})},
            timeout=timedelta(seconds=timeout),
        )
        environment = Environment(
            name="here",
            system="shop",
            describe="",
            back_ends={"kubernetes": back_end},
            guards=Guards(hosts=hosts),
            names={"services": ("judgment", "bi")},
        )
        return vantage_of(environment=environment, release=RELEASE, now=NOW, secrets={"K8S": TOKEN})

    return make


def seen(outcome: Seen | Unseen) -> Seen:
    assert isinstance(outcome, Seen), outcome
    return outcome


def unseen(outcome: Seen | Unseen, cause: Cause, *words: str) -> None:
    assert isinstance(outcome, Unseen), outcome
    assert outcome.cause is cause, outcome
    assert TOKEN not in outcome.detail
    for word in words:
        assert word in outcome.detail


def test_pods_are_listed_page_by_page(fake: Any, vantage: Make) -> None:
    """500 at a time, the token of each page leads to the next; the token of ours goes with each."""

    def page(call: Any) -> Any:
        return (
            listed(raw_pod("b"))
            if call.query.get("continue") == "next"
            else listed(raw_pod("a"), **{"continue": "next"})
        )

    fake.answers[PODS] = page
    data = seen(look(KubernetesPods(), vantage()).outcome).data
    assert [one["name"] for one in data["pods"]] == ["a", "b"]
    assert [call.query for call in fake.calls] == [{"limit": "500"}, {"limit": "500", "continue": "next"}]
    assert {call.headers["authorization"] for call in fake.calls} == {f"Bearer {TOKEN}"}
    assert {call.method for call in fake.calls} == {"GET"}


def test_row57_no_pod_is_no_data(fake: Any, vantage: Make) -> None:
    """A selector that matches nothing, or a namespace that does not exist, is an empty list to the server."""
    fake.answers[PODS] = listed()
    unseen(look(KubernetesPods(selector="app=jugdment"), vantage()).outcome, Cause.NO_DATA, "no pod", "shop")
    fake.answers[PODS] = listed(raw_pod(owner="other"))
    unseen(look(KubernetesPods(name="judgment"), vantage()).outcome, Cause.NO_DATA, "no pod of judgment", "1 others")


def test_row57_a_service_without_pods_is_told(fake: Any, vantage: Make) -> None:
    """It stands among the workloads that were asked for, with nothing."""
    fake.answers[PODS] = listed(raw_pod())
    data = seen(look(KubernetesPods(named="services"), vantage()).outcome).data
    assert [(one["name"], one["pods"], one["ready"]) for one in data["workloads"]] == [("judgment", 1, 1), ("bi", 0, 0)]


def test_row58_a_list_that_expires_is_begun_anew_once(fake: Any, vantage: Make) -> None:
    """Nothing of the first attempt is left in it, and a note says so; a second time is no list."""
    gone = [(410, {"kind": "Status", "reason": "Expired", "message": "too old"})]

    def page(call: Any) -> Any:
        if "continue" in call.query:
            return gone.pop() if gone else listed(raw_pod("b"))
        return listed(raw_pod("a"), **{"continue": "t"})

    fake.answers[PODS] = page
    outcome = seen(look(KubernetesPods(), vantage()).outcome)
    assert [one["name"] for one in outcome.data["pods"]] == ["a", "b"]
    assert "begun anew" in outcome.notes[0]
    gone += [(410, {"message": "too old"}), (410, {"message": "too old"})]
    unseen(look(KubernetesPods(), vantage()).outcome, Cause.PARTIAL, "expired twice", "list pods in shop")


@pytest.mark.parametrize(
    ("answer", "cause", "words"),
    [
        (listed(raw_pod(), remainingItemCount=3), Cause.PARTIAL, "3 items remain"),
        (listed(raw_pod(), raw_pod()), Cause.PARTIAL, "came twice"),
        (
            lambda call: listed(raw_pod(call.query.get("continue", "") + "x"), **{"continue": "t"}),
            Cause.PARTIAL,
            "again",
        ),
        ({"kind": "Status", "status": "Success"}, Cause.BROKEN, "'Status' where PodList was asked for"),
        ({"kind": "PodList", "metadata": {}, "items": [{"metadata": {"name": "a"}}]}, Cause.BROKEN, "promised shape"),
        (b"<html>log in</html>", Cause.BROKEN, "not JSON"),
        ((302, {}, {"Location": "https://elsewhere.example/"}), Cause.BROKEN, "302"),
        ((401, {"message": "Unauthorized"}), Cause.DENIED, "list pods in shop"),
        ((403, {"message": 'User "u" cannot list'}), Cause.DENIED, 'it is not allowed: User "u" cannot list'),
        ((404, {"message": "not here"}), Cause.NO_DATA, "404"),
        ((500, {"message": "etcdserver: leader changed"}), Cause.BROKEN, "etcdserver"),
        ((504, {"message": "Timeout: request did not complete"}), Cause.TIMEOUT, "504"),
        ((429, {"message": "slow down"}, {"Retry-After": "60"}), Cause.LIMITED, "rate limited"),
    ],
)
def test_row58_what_is_not_a_whole_list(fake: Any, vantage: Make, answer: Any, cause: Cause, words: str) -> None:
    """Never pods; always the reason, in one line."""
    fake.answers[PODS] = answer
    outcome = look(KubernetesPods(), vantage()).outcome
    unseen(outcome, cause, words)
    assert isinstance(outcome, Unseen)
    assert "\n" not in outcome.detail


def test_caps_of_bytes_and_pages(fake: Any, vantage: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page over the cap, pages over the cap in all, and pages without end."""
    fake.answers[PODS] = listed(*(raw_pod(f"p{number}") for number in range(40)))
    monkeypatch.setattr(kubernetes_client, "BODY_CAP", 4000)
    unseen(look(KubernetesPods(), vantage()).outcome, Cause.BROKEN, "cap is 4000")
    monkeypatch.undo()
    monkeypatch.setattr(kubernetes_client, "TOTAL_CAP", 4000)
    unseen(look(KubernetesPods(), vantage()).outcome, Cause.PARTIAL, "cap of 4000")
    monkeypatch.undo()
    monkeypatch.setattr(kubernetes_client, "MAX_PAGES", 3)
    tokens = iter(range(1000))
    fake.answers[PODS] = lambda _: listed(raw_pod(f"p{next(tokens)}"), **{"continue": f"t{next(tokens)}"})
    unseen(look(KubernetesPods(), vantage()).outcome, Cause.PARTIAL, "more than 3 pages")


def test_row53_a_server_that_hangs_ends_at_the_deadline(vantage: Make) -> None:
    """One deadline for the whole look; the server would hang for ever."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        unseen(look(KubernetesPods(), vantage(url, timeout=0.3)).outcome, Cause.TIMEOUT, "0.3 s")
        assert time.monotonic() - began < 20


def test_nobody_listens(vantage: Make) -> None:
    """A cluster that is down is not seen."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    unseen(look(KubernetesPods(), vantage(f"http://127.0.0.1:{port}")).outcome, Cause.UNREACHABLE, str(port))


def test_nothing_goes_through_a_proxy_of_the_environment(
    fake: Any, vantage: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The official client would read these."""
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    fake.answers[PODS] = listed(raw_pod())
    assert isinstance(look(KubernetesPods(), vantage()).outcome, Seen)


def test_a_token_is_sent_nowhere_in_clear_text(vantage: Make) -> None:
    """Plain http is for this machine."""
    outcome = look(KubernetesPods(), vantage("http://10.0.0.1:6443", hosts=("10.0.0.1",))).outcome
    unseen(outcome, Cause.REFUSED, "not https")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_what_would_change_something_is_refused_unsent(fake: Any, vantage: Make, method: str) -> None:
    """By the client that every probe has; a rollout asks for its verbs by name."""
    here = vantage()
    with pytest.raises(SafetyRefusal, match="would change the cluster"):
        api_client(here).call_api(method, f"{fake.url}{PODS}/a", {}, {"metadata": {}})
    assert fake.calls == []
    fake.answers[f"{PODS}/a"] = {"kind": "Pod"}
    if method == "POST":
        answer = api_client(here, verbs=frozenset({"POST"})).call_api(method, f"{fake.url}{PODS}/a", {}, {"a": 1})
        assert (answer.status, fake.calls[0].method) == (200, "POST")


def test_the_clients_own_classes_work_on_it(fake: Any, vantage: Make) -> None:
    """What another module needs of the official client, it has."""
    from kubernetes.client import VersionApi
    from kubernetes.client.exceptions import ApiException

    told = ("buildDate", "compiler", "gitCommit", "gitTreeState", "goVersion", "platform")
    fake.answers["/version/"] = {"major": "1", "minor": "37", "gitVersion": "v1.37.0"} | dict.fromkeys(told, "x")
    assert VersionApi(api_client(vantage())).get_code().minor == "37"
    fake.answers["/version/"] = (403, {"message": "no"})
    with pytest.raises(ApiException):
        VersionApi(api_client(vantage())).get_code()


def test_the_client_is_imported_without_the_rest_of_its_package() -> None:
    """At the first look and not before, and without what it does not need; the whole package is there as ever."""
    code = (
        "import sys, gonogo.probes.kubernetes.pods as pods; early = 'kubernetes' in str(sorted(sys.modules)).replace("
        "'gonogo.probes.kubernetes', '')\n"
        "import gonogo.probes.kubernetes.library as ours\n"
        "print(early, [name for name in ('google.auth', 'jsonschema', 'websocket') if name in sys.modules])\n"
        "import kubernetes.config; print(kubernetes.client.ApiClient is ours.ApiClient)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["False []", "True"]


def test_options_and_names_are_checked(vantage: Make) -> None:
    """A namespace is a key of the back end, a list one of the environment; one way to say which."""
    with pytest.raises(ConfigError, match=r"names\.staging, a namespace, is missing \(names has production\)"):
        look(KubernetesPods(namespace="staging"), vantage())
    with pytest.raises(ConfigError, match=r"names\.others, a list, is missing"):
        look(KubernetesPods(named="others"), vantage())
    with pytest.raises(ConfigError, match="one is meant"):
        look(KubernetesPods(name="judgment", named="services"), vantage())


CRASHED = {"terminated": {"reason": "Error", "exitCode": 1, "finishedAt": ago(120)}}
LONG_AGO = {"terminated": {"reason": "OOMKilled", "exitCode": 137, "finishedAt": ago(7200)}}
WAITS = {"waiting": {"reason": "ContainerCreating"}}
BACK_OFF = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}}
NO_IMAGE = {"waiting": {"reason": "ImagePullBackOff"}}


@pytest.mark.parametrize(
    ("more", "state"),
    [
        ({}, "ready"),
        # healthy, and not all of it ready
        ({"ready": False, "age": 20, "since": 20, "state": WAITS, "phase": "Pending"}, "starting"),
        ({"ready": False, "age": 90, "since": 60}, "starting"),
        ({"ready": False, "since": 10}, "starting"),  # one failed readiness probe
        ({"ready": False, "since": 10, "last": LONG_AGO, "restarts": 1}, "starting"),
        ({"ready": True, "metadata": {"deletionTimestamp": ago(5)}}, "terminating"),
        ({"ready": False, "phase": "Succeeded"}, "finished"),
        ({"ready": False, "phase": "Failed", "reason": "Evicted"}, "ended"),
        # ill
        ({"ready": False, "since": 600}, "not ready"),
        ({"ready": False, "age": 20, "since": 20, "state": BACK_OFF, "restarts": 1, "last": CRASHED}, "not ready"),
        ({"ready": False, "age": 20, "since": 20, "state": NO_IMAGE, "phase": "Pending"}, "not ready"),
        ({"ready": False, "since": 10, "last": CRASHED, "restarts": 9}, "not ready"),
        ({"ready": False, "age": 3600, "since": 3600, "phase": "Pending", "state": WAITS}, "not ready"),
        ({"ready": False, "age": 20, "since": 20, "phase": "Unknown"}, "not ready"),
    ],
)
def test_the_state_of_a_pod(more: dict[str, Any], state: str) -> None:
    """What starts, ends or blinks in a healthy cluster is not ill; what ends again and again is."""
    assert pod(raw_pod(**copy.deepcopy(more)), NOW, 180, RELEASE)["state"] == state


def test_what_is_told_of_a_pod() -> None:
    """Why it is not ready, how its container last ended, what it runs and for whom."""
    told = pod(raw_pod(ready=False, state=BACK_OFF, last=LONG_AGO, restarts=37), NOW, 180, RELEASE)
    assert (told["reason"], told["restarts"], told["oom_killed"]) == ("CrashLoopBackOff", 37, True)
    assert told["last_end"] | {"at": None} == {
        "container": "app", "reason": "OOMKilled", "exit_code": 137, "at": None, "age_s": 7200.0, "ran_s": None,
    }  # fmt: skip
    assert (told["workload"], told["kind"], told["tag"], told["of_release"]) == (
        "judgment",
        "Deployment",
        "v1.4.0",
        True,
    )
    bare = pod({**raw_pod(), "status": {"phase": "Pending"}}, NOW, 180, None)
    assert (bare["state"], bare["of_release"], bare["restarts"]) == ("not ready", None, 0)


@pytest.mark.parametrize(
    ("image", "is_it"),
    [
        ("registry.example/team/judgment:v1.4.0", True),
        ("mirror.internal:5000/team/judgment:v1.4.0", True),
        ("registry.example/team/judgment:v1.4.0@sha256:" + "0" * 64, True),
        ("registry.example/team/judgment:v1.4.01", False),
        ("registry.example/team/judgment:v1.3.9", False),
        ("registry.example/team/other:v1.4.0", False),
        ("registry.example/team/judgment", False),
        ("registry.example/team/judgment@sha256:" + "0" * 64, False),
    ],
)
def test_whether_an_image_is_the_releases(image: str, is_it: bool) -> None:
    """Its name and tag, wherever the registry is mirrored."""
    assert pod(raw_pod(image=image), NOW, 180, RELEASE)["of_release"] is is_it


def test_a_release_that_is_known_by_its_digest_alone() -> None:
    """A tag says nothing of it; what was pulled does."""
    digest = "sha256:" + "a" * 64
    pinned = Release(version="1.4.0", commit="c", image=f"registry.example/team/judgment@{digest}")
    raw = raw_pod(image="registry.example/team/judgment:v1.4.0")
    assert pod(raw, NOW, 180, pinned)["of_release"] is None
    raw["status"]["containerStatuses"][0]["imageID"] = f"docker-pullable://registry.example/team/judgment@{digest}"
    assert pod(raw, NOW, 180, pinned)["of_release"] is True
    raw["status"]["containerStatuses"][0]["imageID"] = "registry.example/team/judgment@sha256:" + "b" * 64
    assert pod(raw, NOW, 180, pinned)["of_release"] is not True


@pytest.mark.parametrize(("pulled", "is_it"), [("a", True), ("b", None), (None, True)])
def test_a_tag_that_was_moved(pulled: str | None, is_it: bool | None) -> None:
    """The release's tag on another digest than the release's is no proof that the release runs."""
    release = Release(version="1.4.0", commit="c", image="registry.example/team/judgment:v1.4.0@sha256:" + "a" * 64)
    raw = raw_pod(image="registry.example/team/judgment:v1.4.0")
    if pulled:
        raw["status"]["containerStatuses"][0]["imageID"] = f"registry.example/team/judgment@sha256:{pulled * 64}"
    assert pod(raw, NOW, 180, release)["of_release"] is is_it


def test_restarts_of_a_pod_that_just_ended(fake: Any, vantage: Make) -> None:
    """One pod that ends again and again is found while it is ready; many that a node restarted once are no trouble."""
    last = {"terminated": {"reason": "OOMKilled", "exitCode": 137, "finishedAt": ago(300)}}
    fake.answers[PODS] = listed(*(raw_pod(f"p{number}", last=last, restarts=1) for number in range(9)))
    assert seen(look(KubernetesPods(), vantage()).outcome).data["recent_restarts"] == 1
    fake.answers[PODS] = listed(raw_pod("a", last=last, restarts=9), raw_pod("b", last=LONG_AGO, restarts=40))
    assert seen(look(KubernetesPods(), vantage()).outcome).data["recent_restarts"] == 9


@pytest.mark.parametrize(("ran_s", "restarts"), [(60, 9), (6 * 3600, 9), (20 * 86400, 0)])
def test_one_end_after_weeks_is_no_loop(fake: Any, vantage: Make, ran_s: float, restarts: int) -> None:
    """A pod that is old has some restarts behind it; one that ran for days before its last end does not loop."""
    last = {"terminated": {"reason": "Error", "exitCode": 137, "startedAt": ago(300 + ran_s), "finishedAt": ago(300)}}
    fake.answers[PODS] = listed(raw_pod("a", last=last, restarts=9))
    assert seen(look(KubernetesPods(), vantage()).outcome).data["recent_restarts"] == restarts


def test_a_sidecar_is_not_the_service() -> None:
    """A mesh's container may stand first; the default container is the one that is meant."""
    raw = raw_pod(metadata={"annotations": {"kubectl.kubernetes.io/default-container": "app"}})
    raw["spec"]["containers"].insert(0, {"name": "istio-proxy", "image": "istio/proxyv2:1.24"})
    told = pod(raw, NOW, 180, RELEASE)
    assert (told["image"], told["of_release"]) == (RELEASE.image, True)


def test_one_look_is_one_deadline(fake: Any, vantage: Make) -> None:
    """Of a look that asks several times, every request has what is left."""
    fake.answers["/slow"] = lambda _: time.sleep(1.2) or {}
    cluster = Cluster(vantage=vantage(timeout=2))
    cluster.get("/slow", "get slow")
    with pytest.raises(kubernetes_client.Failure, match=r"deadline of 2 s"):
        cluster.get("/slow", "get slow")


@pytest.fixture(autouse=True)
def _nothing_left(fake: Any) -> Iterator[None]:
    yield
    assert TOKEN not in str([call.query for call in fake.calls])
