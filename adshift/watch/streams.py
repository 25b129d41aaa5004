"""What is followed of a line: the anomaly score, and what the pictures look like."""

from __future__ import annotations

from adshift.appearance.looks import LOOKS
from adshift.drift.evidence import Stream

SCORE = "anomaly score"
SHARE = 0.5
"""Of the permitted false alarms that is the score's; the looks share the rest in equal parts."""
STREAMS = (Stream(SCORE, SHARE), *(Stream(look.name, (1.0 - SHARE) / len(LOOKS)) for look in LOOKS))
"""In the order of the values: the score first."""
