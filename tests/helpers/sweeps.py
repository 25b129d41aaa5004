"""The study's sweeps."""

from __future__ import annotations

SWEEPS = {
    "clean": 6,
    "regimes": 18,
    "coreset": 18,
    "unified": 8,
    "severity": 36,
    "components": 36,
    "seeds": 60,
    "corruptions": 120,
    "repairs": 54,
    "repairs_severity": 324,
    "repairs_components": 162,
}
