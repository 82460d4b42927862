"""A cluster of 1,000 pods and 200 deployments, looked at and judged in a process of its own: seconds and memory.

    python bench/cluster.py [--pods N] [--deployments N]

Prints {"judge_s", "cpu_s", "peak_mb", "pods", "deployments"}: from the first look to the last verdict with the import
of the client, by the clock and of CPU, and the peak of resident memory of that process with all that it imports. The
cluster is the rehearsal's stand-in, in another process, with objects as long as a real cluster's.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
REHEARSAL = ROOT / "environments" / "rehearsal"
TOKEN = "a-token-of-the-bench"  # noqa: S105 - of a stand-in on loopback
NAMESPACE = "production"
CHECKS = """
system: bench
phase: daily
defaults: {area: operations, owner: SRE, source: bench}
items:
  - id: bench-pods
    title: {en: Pods, ko: Pods}
    probe: {kubernetes_pods: {namespace: production}}
    pass:
      - expect: {value: 'workloads[?ready == `0`].name', empty: true}
      - expect: {value: 'pods[?state == ''not ready''].{pod: name, reason: reason}', empty: true}
      - expect: {value: recent_restarts, at_most: 4}
    remedy: none
  - id: bench-deployments
    title: {en: Deployments, ko: Deployments}
    probe: {kubernetes_deployments: {namespace: production}}
    pass:
      - expect: {value: 'deployments[?!complete].name', empty: true}
      - expect: {value: 'deployments[?ready == `0`].name', empty: true}
    remedy: none
"""


def judged(pods: int = 1000, deployments: int = 200) -> dict[str, float]:
    """{judge_s, cpu_s, peak_mb, pods, deployments} of one run."""
    words = [sys.executable, str(Path(__file__).resolve())]
    size = ["--pods", str(pods), "--deployments", str(deployments)]
    with subprocess.Popen(
        [*words, "--serve", *size], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as served:
        try:
            url = served.stdout.readline().strip() if served.stdout else ""
            done = subprocess.run([*words, "--look", url], capture_output=True, text=True, timeout=60, check=False)
        finally:
            served.terminate()
    if done.returncode:
        raise RuntimeError(f"the look at the cluster failed: {done.stderr.strip()[-500:]}")
    found: dict[str, float] = json.loads(done.stdout)
    if (found["pods"], found["deployments"]) != (pods, deployments):
        raise RuntimeError(f"{found['pods']} pods of {found['deployments']} deployments were seen")
    return found


def _serve(pods: int, deployments: int) -> None:
    """The stand-in with that many objects, until it is told to end; its address on standard output."""
    sys.path.insert(0, str(REHEARSAL))
    objects, parts = _rehearsal("cluster.objects"), _rehearsal("cluster.api")
    store = parts.Store()
    controller = parts.Controller(store, lambda _: True)
    now = time.time()
    for number in range(deployments):
        count = pods // deployments + (number < pods % deployments)
        found = objects.deployment(
            NAMESPACE, f"service-{number:03}", f"registry.example/s{number}:v1", count, now - 9e5
        )
        _lengthen(found["spec"]["template"]["spec"])
        found["metadata"]["annotations"] |= {"kubectl.kubernetes.io/last-applied-configuration": "x" * 2500}
        found["metadata"]["managedFields"] = _managed()
        settled = store.put("deployments", found)
        owner = store.put("replicasets", objects.replicaset(settled, 1, now - 8e5))
        for one in range(count):
            pod = objects.pod(owner, number * 100 + one, now - 8e5, now - 7e5)
            pod["metadata"]["managedFields"] = _managed()
            store.put("pods", pod)
        full = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), count)
        store.put("deployments", {**settled, "status": {"observedGeneration": 1, **full}})
    accounts = {f"Bearer {TOKEN}": parts.roles.READING}
    server = parts.HttpServer(parts.api(store, controller, accounts.get))
    print(server.url, flush=True)
    threading.Event().wait()


def _rehearsal(name: str) -> Any:
    """A module of the rehearsal, which is a program of its own."""
    return import_module(f"factory.{name}")


def _lengthen(spec: dict[str, Any]) -> None:
    """Environment, probes, volumes and tolerations as charts render them: a pod of a real cluster has 6 to 10 kB."""
    container = spec["containers"][0]
    container["env"] = [{"name": f"SETTING_{number}", "value": f"a value of setting {number}"} for number in range(24)]
    container["volumeMounts"] = [{"name": f"v{number}", "mountPath": f"/mnt/{number}"} for number in range(4)]
    container["livenessProbe"] = {"httpGet": {"path": "/health", "port": 8080, "scheme": "HTTP"}, "periodSeconds": 10}
    spec["volumes"] = [{"name": f"v{number}", "configMap": {"name": f"settings-{number}"}} for number in range(4)]
    spec["tolerations"] = [
        {"key": f"node.kubernetes.io/{name}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
        for name in ("not-ready", "unreachable")
    ]


def _managed() -> list[dict[str, Any]]:
    """Who set which field: the longest part of most objects."""
    fields: dict[str, Any] = {
        f'k:{{"name":"SETTING_{number}"}}': {".": {}, "f:name": {}, "f:value": {}} for number in range(24)
    }
    spec = {"f:spec": {"f:containers": {'k:{"name":"app"}': {"f:env": fields, "f:image": {}, "f:ports": {".": {}}}}}}
    one = {"manager": "helm", "operation": "Update", "apiVersion": "v1", "time": "2026-11-01T00:00:00Z"}
    return [{**one, "fieldsType": "FieldsV1", "fieldsV1": spec}]


def _look(url: str, folder: Path) -> dict[str, float]:
    """Look and judge in this process."""
    from gonogo.config.checklist import load_checklists  # noqa: PLC0415
    from gonogo.judges import JUDGES  # noqa: PLC0415
    from gonogo.judges.verdict import judge_check  # noqa: PLC0415
    from gonogo.model.environment import Auth, AuthKind, BackEnd, Environment  # noqa: PLC0415
    from gonogo.model.evidence import Evidence, Seen  # noqa: PLC0415
    from gonogo.model.verdict import Case, Verdict  # noqa: PLC0415
    from gonogo.probes import PROBES  # noqa: PLC0415
    from gonogo.probes.base import Vantage  # noqa: PLC0415

    (folder / "bench").mkdir()
    (folder / "bench" / "daily.yaml").write_text(CHECKS, encoding="utf-8")
    checks = load_checklists(folder, PROBES, JUDGES)
    auth = Auth(kind=AuthKind.BEARER, secret="TOKEN")  # noqa: S106 - the name of a variable
    back_end = BackEnd(address=url, auth=auth, names={"production": NAMESPACE}, timeout=timedelta(seconds=30))
    environment = Environment(name="bench", system="bench", describe="", back_ends={"kubernetes": back_end})
    now = datetime.now(UTC)
    vantage = Vantage(environment=environment, release=None, now=now, t0=None, reveal=lambda _: TOKEN)
    counts: list[int] = []
    began, cpu = time.perf_counter(), time.process_time()
    for check in checks:
        spec = check.probes["it"]
        sight = PROBES[spec.kind].look(spec.options, vantage)
        evidence = Evidence(
            look="it", kind=spec.kind, source=sight.source, started=now, ended=now, outcome=sight.outcome
        )
        case = Case(check=check, environment=environment, release=None, now=now, t0=None, evidence={"it": evidence})
        finding = judge_check(case)
        if finding.verdict is not Verdict.PASS or not isinstance(sight.outcome, Seen):
            raise RuntimeError(f"{check.id}: {finding.reason}")
        counts.append(int(sight.outcome.data["count"]))
    took = time.perf_counter() - began
    spent = {"judge_s": round(took, 3), "cpu_s": round(time.process_time() - cpu, 3), "peak_mb": _peak_mb()}
    return {**spent, "pods": counts[0], "deployments": counts[1]}


def _peak_mb() -> float:
    import resource  # noqa: PLC0415 - not on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1 << 20 if sys.platform == "darwin" else 1024), 1)


def main() -> int:
    """Measure, or be one of the two processes."""
    import tempfile  # noqa: PLC0415

    parser = argparse.ArgumentParser(description="Judge a large cluster, and say how long it took.")
    parser.add_argument("--pods", type=int, default=1000)
    parser.add_argument("--deployments", type=int, default=200)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--look", metavar="URL", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.serve:
        _serve(asked.pods, asked.deployments)
    elif asked.look:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(_look(asked.look, Path(folder))))
    else:
        print(json.dumps(judged(asked.pods, asked.deployments)))
    return 0


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)
