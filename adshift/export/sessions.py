"""An exported file opened by the runtime that it is for."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from adshift.errors import AdshiftError
from adshift.export.metadata import INPUT, KEY

Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class Session:
    """A file that is ready to run on the CPU.

    Attributes:
        run: what the file takes (its metadata say it) to scores [B] and maps [B, S, S].
        metadata: what stands in the file.
        runtime: its name and version.
    """

    run: Callable[[Any], tuple[Float32, Float32]]
    metadata: dict[str, Any]
    runtime: str


def open_session(path: Path, threads: int) -> Session:
    """Open an exported file by its suffix, in full float32 precision.

    Args:
        path: .onnx, .xml or .pt2.
        threads: that the runtime may use; torch keeps its own number.

    Raises:
        AdshiftError: another suffix.
    """
    opened = {".onnx": _onnxruntime, ".xml": _openvino, ".pt2": _torch}.get(path.suffix)
    if opened is None:
        raise AdshiftError(f"{path} must end in .onnx, .xml (OpenVINO) or .pt2 (torch)")
    return opened(path, threads)


def _onnxruntime(path: Path, threads: int) -> Session:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def run(image: Any) -> tuple[Float32, Float32]:
        score, anomaly_map = session.run(None, {INPUT: image})
        return score, anomaly_map

    held = json.loads(session.get_modelmeta().custom_metadata_map[KEY])
    return Session(run, held, f"onnxruntime {onnxruntime.__version__}")


def _openvino(path: Path, threads: int) -> Session:
    import openvino

    model = openvino.Core().read_model(path)
    settings = {
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": threads,
    }  # bfloat16 where a CPU has it, else
    compiled = openvino.compile_model(model, "CPU", settings)

    def run(image: Any) -> tuple[Float32, Float32]:
        found = compiled(image)
        return found[0], found[1]

    held = json.loads(model.get_rt_info(KEY).astype(str))
    return Session(run, held, f"openvino {openvino.__version__}")


def _torch(path: Path, threads: int) -> Session:
    extra = {KEY: ""}
    module = torch.export.load(path, extra_files=extra).module()

    @torch.inference_mode()
    def run(image: Any) -> tuple[Float32, Float32]:
        score, anomaly_map = module(torch.from_numpy(image))
        return score.numpy(), anomaly_map.numpy()

    return Session(run, json.loads(extra[KEY]), f"torch {torch.__version__}")
