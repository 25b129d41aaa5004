"""Where a program's outputs go."""

from __future__ import annotations

from pathlib import Path


def output_folder() -> Path:
    """Where Hydra wants the job's outputs."""
    from hydra.core.hydra_config import HydraConfig

    return Path(HydraConfig.get().runtime.output_dir)
