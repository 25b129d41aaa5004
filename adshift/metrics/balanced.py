"""Balanced accuracy: what share is judged right if good and defective parts count alike."""

from dataclasses import replace
from typing import TypeVar

from adshift.metrics.curves import FloatArray
from adshift.metrics.summary import Figures

BALANCED = "balanced_accuracy"
Rate = TypeVar("Rate", float, FloatArray)


def balanced_accuracy(recall: Rate, false_alarm_rate: Rate) -> Rate:
    """(recall + 1 - false-alarm rate) / 2, of rates in [0, 1] or of replicates of them."""
    return (recall + 1 - false_alarm_rate) / 2


def with_balanced_accuracy(figures: Figures) -> Figures:
    """The figures and ``BALANCED``, which has no interval: of recall and false-alarm rate, None where one of them is."""
    recall, alarms = figures.point("recall"), figures.point("false_alarm_rate")
    value = None if recall is None or alarms is None else balanced_accuracy(recall, alarms)
    drawn = figures.replicates
    if {"recall", "false_alarm_rate"} <= set(drawn):
        drawn = drawn | {BALANCED: balanced_accuracy(drawn["recall"], drawn["false_alarm_rate"])}
    return replace(figures, values=figures.values | {BALANCED: value}, replicates=drawn)
