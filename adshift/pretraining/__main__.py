"""Train the small backbone: ``python -m adshift.pretraining --out FILE [--steps N] [--seed 0] [--every 50]``."""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from adshift.errors import AdshiftError
from adshift.pretraining.training import Recipe, train
from adshift.system.atomic import atomic_path
from adshift.system.exit_status import status_of
from adshift.system.terminal import say, tell


def main(arguments: Sequence[str] | None = None) -> int:
    """Train on one thread and write the weights; the same steps and seed on the same machine give the same file."""
    parser = argparse.ArgumentParser(prog="python -m adshift.pretraining", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the .safetensors file")
    parser.add_argument("--steps", type=int, default=Recipe.steps, help="batches of scenes")
    parser.add_argument("--batch", type=int, default=Recipe.batch, help="scenes a batch")
    parser.add_argument("--seed", type=int, default=Recipe.seed)
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default=Recipe.precision)
    return status_of(lambda: _train(parser.parse_args(arguments)))


def _train(options: argparse.Namespace) -> None:
    for name in ("steps", "batch"):
        if getattr(options, name) < 1:
            raise AdshiftError(f"--{name}={getattr(options, name)} must be at least 1; leave it out for the default")
    torch.set_num_threads(1)
    recipe = Recipe(steps=options.steps, batch=options.batch, seed=options.seed, precision=options.precision)

    def kept(step: int, state: dict[str, Tensor]) -> None:
        _save(options.out, state)

    options.out.parent.mkdir(parents=True, exist_ok=True)
    train(recipe, tell, kept)
    say(f"{options.out}: sha256 {hashlib.sha256(options.out.read_bytes()).hexdigest()}")


def _save(path: Path, state: dict[str, Tensor]) -> None:
    from safetensors.torch import save

    with atomic_path(path) as partial:
        partial.write_bytes(save({name: value.contiguous() for name, value in state.items()}))


if __name__ == "__main__":
    sys.exit(main())
