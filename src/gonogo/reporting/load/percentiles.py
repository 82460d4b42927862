"""Encoded histograms into lines of latency by share of requests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hdrh.histogram import HdrHistogram

_A_TURN = 20  # points on the way from 90 to 99 %, from 99 to 99.9 %, and so on
_US_PER_MS = 1000


def percentile_lines(histograms: Iterable[Mapping[str, Any]]) -> dict[str, tuple[list[float], list[float]]]:
    """By outcome class over all endpoints: 1 / (1 - share), and the latency in ms within which that share stays.

    The line ends at the count of requests, with the slowest of them.
    """
    totals: dict[str, Any] = {}
    for each in histograms:
        if each["outcome"] in totals:
            totals[each["outcome"]].decode_and_add(each["encoded"])
        else:
            totals[each["outcome"]] = HdrHistogram.decode(each["encoded"])
    return {outcome: _line(total) for outcome, total in sorted(totals.items()) if total.total_count}


def _line(histogram: Any) -> tuple[list[float], list[float]]:
    count = int(histogram.total_count)
    inverse, step = [1.0], 0
    while inverse[-1] < count:
        step += 1
        inverse.append(min(10 ** (step / _A_TURN), float(count)))
    shares = [100 * (1 - 1 / each) for each in inverse]
    found = histogram.get_percentile_to_value_dict(shares)
    slowest = histogram.get_highest_equivalent_value(histogram.max_value)
    return [round(each, 4) for each in inverse], [
        *(found[each] / _US_PER_MS for each in shares[:-1]),
        slowest / _US_PER_MS,
    ]
