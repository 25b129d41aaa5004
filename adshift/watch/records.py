"""What a watch writes down: parts, epochs, alarms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Part:
    """One image, judged, or with the reason why not.

    Attributes:
        number: from 1, in the order of judgement, without gaps.
        epoch: whose model and threshold judged it.
        path: of the file.
        sha256: of the bytes that were decoded; empty where the file could not be read.
        size, modified_ns: of the file then: bytes, nanoseconds since 1970.
        judged: when; seconds since 1970.
        score: raw; None where there is none.
        threshold: that decided; None where nothing was decided.
        decision: 1 anomalous, 0 not; None where nothing was decided.
        p_value: as ``adshift.prediction.rows.Row``'s.
        error: why it has no score; else empty.
        note: what should be known of its values.
        looks: one number a look (``adshift.appearance.looks.LOOKS``), NaN where it has none; empty without a score.
        levels: every stream's evidence after it, as ``adshift.drift.evidence.Evidence.levels``; empty without a score.
        level: the strongest of them.
        overlay, map: its pictures, relative to the output folder; empty where none were drawn.
    """

    number: int
    epoch: int
    path: str
    sha256: str
    size: int
    modified_ns: int
    judged: float
    score: float | None
    threshold: float | None
    decision: int | None
    p_value: float | None
    error: str = ""
    note: str = ""
    looks: tuple[float, ...] = ()
    levels: tuple[float, ...] = ()
    level: float | None = None
    overlay: str = ""
    map: str = ""


@dataclass(frozen=True)
class Epoch:
    """A stretch of the stream under one model, one threshold and one beginning of the evidence.

    Attributes:
        epoch: from 1.
        began: seconds since 1970.
        run: the folder whose model and threshold judge.
        model: SHA-256 of what decides: a run that is changed begins a new epoch.
        threshold, kind, promised: the rule; the promised false-alarm rate; None where there is none.
        normals: how many good images' scores the evidence began with.
        delta: permitted probability of a false alarm of drift in this epoch.
        seed: of the tie-breaks.
        looks: rows of what is usual: one a train image that was measured.
        why: it began.
        told: what a person should know of it, a line.
    """

    epoch: int
    began: float
    run: str
    model: str
    threshold: float | None
    kind: str | None
    promised: float | None
    normals: int
    delta: float
    seed: int
    looks: tuple[tuple[float, ...], ...]
    why: str
    told: str = ""


@dataclass(frozen=True)
class Alarm:
    """The evidence has reached its limit.

    Attributes:
        alarm: from 1.
        epoch: in which.
        number: the part at which.
        at: seconds since 1970.
        streams: which streams are over the limit, the strongest first.
        level: the strongest one's evidence.
        since: the part from which on, as far as the evidence tells, the line was another.
        told: what has changed and what to do; plain JSON values (``adshift.watch.account``).
        repaired: the run that took over; None where none has.
    """

    alarm: int
    epoch: int
    number: int
    at: float
    streams: tuple[str, ...]
    level: float
    since: int
    told: Mapping[str, Any]
    repaired: str | None = None
