"""A graph written as ONNX, as OpenVINO's IR, or as a torch.export program; each with its metadata and a dynamic batch."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, nn

from adshift.errors import AdshiftError
from adshift.export.graph import PictureGraph
from adshift.export.metadata import INPUT, KEY, MAP, SCORE

ONE_FILE_BYTES = 1_900_000_000
"""What an ONNX file holds with some room: its format ends at 2 GiB."""


def write(kind: str, graph: nn.Module, image_size: int, text: str, path: Path) -> list[Path]:
    """Write a graph with its metadata.

    Args:
        kind: a key of ``adshift.export.packages.SUFFIXES``.
        graph: images [B, 3, S, S] to scores and maps; a ``PictureGraph`` takes pictures [B, H, W, 3].
        image_size: S.
        text: the metadata as JSON.
        path: of the file, with the format's suffix.

    Returns:
        the files: one, and for OpenVINO the weights beside it (.bin).

    Raises:
        AdshiftError: the model is too large for one ONNX file.
    """
    with _quiet():
        if kind == "torch":
            torch.export.save(_traced(graph, image_size), path, extra_files={KEY: text})
            return [path]
        if kind == "onnx":
            size = sum(t.numel() * t.element_size() for t in (*graph.parameters(), *graph.buffers()))
            if size > ONE_FILE_BYTES:
                raise AdshiftError(
                    f"format=onnx: the model has {size / 1e9:.1f} GB, one ONNX file holds {ONE_FILE_BYTES / 1e9:.1f}; use "
                    "format=torch or openvino, or a smaller coreset_ratio or method.n_features"
                )
            _onnx(graph, image_size, text, path, beside=False)
            return [path]
        return _openvino(graph, image_size, text, path)


def _example(graph: nn.Module, image_size: int) -> Tensor:
    """What a graph takes, two of it."""
    generator = torch.Generator().manual_seed(0)
    if isinstance(graph, PictureGraph):
        shape = (2, image_size + 3, image_size + 5, 3)
        return torch.randint(256, shape, dtype=torch.uint8, generator=generator)
    return torch.rand(2, 3, image_size, image_size, generator=generator)


def _dynamic(graph: nn.Module) -> Any:
    """The axes that may have any length."""
    axes = {0: torch.export.Dim("batch", min=1)}
    if isinstance(graph, PictureGraph):
        axes |= {1: torch.export.Dim("height", min=2), 2: torch.export.Dim("width", min=2)}
    return (axes,)


def _traced(graph: nn.Module, image_size: int) -> Any:
    with torch.no_grad():
        program = torch.export.export(graph, (_example(graph, image_size),), dynamic_shapes=_dynamic(graph))
    for module in program.graph_module.modules():
        for node in module.graph.nodes if isinstance(module, torch.fx.GraphModule) else ():
            node.meta.pop("stack_trace", None)  # where the source lies on this machine is nobody's business
    return program


def _onnx(graph: nn.Module, image_size: int, text: str, path: Path, beside: bool) -> None:
    program: Any = torch.onnx.export(
        _traced(graph, image_size), (), input_names=[INPUT], output_names=[SCORE, MAP], dynamic_shapes=_dynamic(graph),
        dynamo=True, verbose=False,
    )  # fmt: skip
    program.model.metadata_props[KEY] = text
    program.save(path, external_data=beside)


def _openvino(graph: nn.Module, image_size: int, text: str, path: Path) -> list[Path]:
    import openvino

    with TemporaryDirectory(dir=path.parent) as folder:
        passing = Path(folder) / "model.onnx"
        _onnx(graph, image_size, text, passing, beside=True)
        model = openvino.Core().read_model(passing)
        model.set_rt_info(text, KEY)
        openvino.save_model(model, path, compress_to_fp16=False)
    return [path, path.with_suffix(".bin")]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the tracers' remarks on their own inside from the user."""
    loggers = {
        logging.getLogger(name): logging.getLogger(name).level for name in ("torch.onnx", "onnx_ir", "onnxscript")
    }
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in loggers.items():
            logger.setLevel(level)
