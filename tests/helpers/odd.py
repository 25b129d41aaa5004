"""Names of folders that people give and that mean something to Hydra, to a shell, or to a pattern."""

from __future__ import annotations

ODD = (
    "A=1", "part#7", "plate(new)", "螺丝", "Prüfteile", "[b]", "O'Neil", "Linie 3, neu", "a,b", "007", "true", "{x}",
    'he said "no"', "back\\slash", "end\\", "50%", "$HOME", "semi;colon", "a&b", "*", "x:y", "null",
)  # fmt: skip
