"""How well limiters that nobody declared are told by their answers: `python bench/ratelimit_inference.py [N]`.

N simulated limiters (500 unless given) of five families, limits 5 to 100, windows 1 to 60 s, at most 500 requests each,
the network shaking by 20 ms. Prints one JSON object; the exit status is 1 if a goal is missed.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.inference_sim import drawn

ALGORITHM_AT_LEAST, LIMIT_P95_AT_MOST = 0.9, 0.06


def main(count: int) -> int:
    right: dict[str, list[bool]] = defaultdict(list)
    errors, windows, requests = list[float](), list[float](), list[int]()
    for seed in range(count):
        policy, found, timeline = drawn(seed)
        family = (
            f"{policy.algorithm}{'' if policy.aligned is None else ' clock' if policy.aligned else ' first request'}"
        )
        right[family].append(found is not None and found.algorithm is policy.algorithm)
        errors.append(1.0 if found is None else abs(found.limit - policy.limit) / policy.limit)
        windows.append(1.0 if found is None else abs(found.window / policy.window - 1))
        requests.append(len(timeline))
    share = sum(map(sum, right.values())) / count
    p95 = sorted(errors)[max(0, -(-count * 95 // 100) - 1)]
    told = {
        "limiters": count,
        "infer_algorithm": share,
        "infer_limit_p95_error": round(p95, 4),
        "window_median_error": round(sorted(windows)[count // 2], 4),
        "requests_median": sorted(requests)[count // 2],
        "requests_most": max(requests),
        "by_family": {family: sum(hits) / len(hits) for family, hits in sorted(right.items())},
    }
    print(json.dumps(told, indent=2))
    return int(share < ALGORITHM_AT_LEAST or p95 > LIMIT_P95_AT_MOST)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 500))
