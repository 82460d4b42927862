"""Histograms into how many latencies lie beyond a limit."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from hdrh.histogram import HdrHistogram

from gonogo.model.load import Histogram, OutcomeClass

_US_PER_MS = 1000


def count_beyond(histograms: Iterable[Histogram], outcome: OutcomeClass, holds: Callable[[float], bool]) -> int:
    """Latencies of this class for which `holds`, of a latency in ms, is not true.

    A bucket counts with its upper end, so that the three digits of the record never flatter.
    """
    beyond = 0
    for each in histograms:
        if each.outcome is not outcome:
            continue
        counted = HdrHistogram.decode(each.encoded)
        for item in counted.get_recorded_iterator():
            highest = counted.get_highest_equivalent_value(item.value_iterated_to)
            if not holds(highest / _US_PER_MS):
                beyond += int(item.count_added_in_this_iter_step)
    return beyond
