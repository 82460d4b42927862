"""The judges of rate limits over simulated limiters: inference, mutants that must be caught, keepers that must not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT))

Raw = dict[str, list[float]]


def inference(limiters: int) -> tuple[Raw, dict[str, float]]:
    """What `bench/ratelimit_inference.py` prints."""
    words = [sys.executable, str(Path(__file__).with_name("ratelimit_inference.py")), str(limiters)]
    told = json.loads(subprocess.run(words, check=False, capture_output=True, encoding="utf-8").stdout)
    figures = {name: float(told[name]) for name in ("infer_algorithm", "infer_limit_p95_error")}
    raw = {"infer_limiters": [float(told["limiters"])], "infer_requests_most": [float(told["requests_most"])]}
    return raw, figures


def validation(conforming_limiters: int) -> tuple[Raw, dict[str, float]]:
    """Mutants on either side beside a right limiter: the broken side alone has to be blamed. Then right ones alone."""
    from tests import ratelimit_sim as sim  # noqa: PLC0415 - after the path is set

    from gonogo.judges.rate.limit import failed, validate  # noqa: PLC0415

    caught = tried = 0
    for mutant in sim.mutants():
        for algorithm in mutant.families:
            policy = mutant.declared(sim.declare(algorithm, 10, 40.0 if algorithm.bucket else 10.0))
            for broken, right in (("canary", "legacy"), ("legacy", "canary")):
                random = sim.chance(f"{mutant.name} {algorithm} {broken}")
                servers = {broken: mutant.build(policy, random), right: sim.serve(policy, random)}
                events = [
                    event
                    for side, server in servers.items()
                    for event in sim.explore(sim.Client(server=server, random=random, side=side, at=0.0), policy)
                ]
                blamed = {result.side for result in failed(validate(events, [policy]))} - {"canary, legacy"}
                tried += 1
                caught += blamed == {broken}
    alarms = 0
    for seed in range(conforming_limiters):
        policy, events = sim.conforming(seed)
        alarms += bool(failed(validate(events, [policy])))
    names = {mutant.name for mutant in sim.mutants()}
    raw: Raw = {
        "mutants": [float(len(names))],
        "mutants_tried": [float(tried)],
        "conforming_limiters": [float(conforming_limiters)],
    }
    return raw, {"mutants_killed": caught / tried, "false_alarms": float(alarms)}
