"""The formats of an exported file, and what each needs beside the program."""

from __future__ import annotations

from importlib.util import find_spec

from adshift.errors import AdshiftError

RESIZES = OUTSIDE, IN_GRAPH = "outside", "in_graph"
"""Who brings a picture to the model's size: whoever calls the exported file, or the file."""
SUFFIXES = {"onnx": ".onnx", "openvino": ".xml", "torch": ".pt2"}
NEEDS = {"onnx": ("onnx", "onnxscript", "onnxruntime"), "openvino": ("onnx", "onnxscript", "openvino"), "torch": ()}


def require_packages(kind: str) -> None:
    """Raises AdshiftError where a format is unknown or a package that it needs is not installed."""
    if kind not in SUFFIXES:
        raise AdshiftError(f"format={kind} must be one of: {', '.join(SUFFIXES)}")
    missing = [name for name in NEEDS[kind] if find_spec(name) is None]
    if missing:
        raise AdshiftError(
            f"format={kind} needs {', '.join(missing)}; pip install 'adshift[export]', or use format=torch"
        )
