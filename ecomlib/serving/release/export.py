"""Exports a trained network to ONNX, and measures how far the two differ (lesson 08, section 1)."""

from __future__ import annotations

import copy
import os
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ecomlib.errors import DataError
from ecomlib.files import whole_file
from ecomlib.models import Network
from ecomlib.serving.release.onnx_session import Session as Session
from ecomlib.serving.release.onnx_session import open_session as open_session
from ecomlib.windows import Batch, WindowSet

INPUTS = ("x", "seen", "f", "z", "e", "scale")
_OPSET = 17


class _Plain(nn.Module):
    """The network with tensors in place of a batch: what an exporter can follow."""

    def __init__(self, model: Network, names: tuple[str, ...]) -> None:
        super().__init__()
        self.model, self.names = model, names

    def forward(self, *given: Tensor) -> Tensor:
        part: dict[str, Any] = dict.fromkeys(Batch.__slots__) | dict(zip(self.names, given, strict=True))
        batch = Batch(**part)
        return self.model.head.predict(self.model(batch), batch.scale)


def _inputs(batch: Batch) -> dict[str, Tensor]:
    """The tensors that a network reads; those of no width are not inputs of the file but made by it."""
    return {name: value for name in INPUTS if (value := getattr(batch, name)) is not None}


def export_onnx(model: Network, windows: WindowSet, path: str | os.PathLike[str]) -> Path:
    """Write the network as ONNX with any batch size; return the path (lesson 08, section 1).

    Inputs are those of a batch (``x`` (B, T, C), ``seen``, ``f``, ``z``, ``e`` where there is text, ``scale``); the
    output ``forecast`` (B, H, K) is on the windows' scale, as ``Network.predict`` gives it. ``windows`` are an
    example: two of them are traced. The file is written whole or not at all.
    """
    if len(windows) < 2:
        raise DataError("an export needs two windows as an example", value=len(windows))
    path = Path(path)
    example = _inputs(windows.batch(torch.arange(2)))
    plain = _Plain(copy.deepcopy(model).eval(), tuple(example))
    with whole_file(path) as part, warnings.catch_warnings():
        # The tracing exporter warns that another one will take its place; that one needs one package more.
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        warnings.filterwarnings("ignore", category=torch.jit.TracerWarning)
        # Recurrent layers warn that batches of another size need an initial state: torch makes it from the input.
        warnings.filterwarnings("ignore", message="Exporting a model to ONNX with a batch_size other than 1")
        torch.onnx.export(
            plain,
            tuple(example.values()),
            str(part),
            input_names=list(example),
            output_names=["forecast"],
            dynamic_axes={name: {0: "batch"} for name in (*example, "forecast")},
            opset_version=_OPSET,
            dynamo=False,
        )
    return path


def quantise(path: str | os.PathLike[str], target: str | os.PathLike[str]) -> Path:
    """Quantise the network's matrices to eight bits, dynamically as it runs (lesson 08, section 1).

    LSTM layers and linear ones shrink to a quarter; ONNX Runtime has no eight-bit GRU, so of a GRU only the decoder
    does. What it costs in accuracy is for the caller to measure.
    """
    import logging

    from onnxruntime.quantization import QuantType, quantize_dynamic

    target = Path(target)
    logging.getLogger().addFilter(_no_advice)
    try:
        with whole_file(target) as part:
            quantize_dynamic(str(path), str(part), weight_type=QuantType.QInt8)
    finally:
        logging.getLogger().removeFilter(_no_advice)
    return target


def _no_advice(record: Any) -> bool:
    """Whether a line of the log is not the quantiser's advice to fold constants first, which changes nothing here."""
    return "pre-processing before quantization" not in record.getMessage()


def parity(model: Network, session: Session, windows: WindowSet, size: int = 512) -> float:
    """Measure the largest absolute difference of network and file over all windows, in units (lesson 08, section 1)."""
    worst = 0.0
    for batch in windows.batches(size):
        units = [
            windows.to_units(values, batch) if model.head.in_units else values
            for values in (model.predict(batch), torch.from_numpy(session.predict(batch)))
        ]
        worst = max(worst, float((units[0] - units[1]).abs().max()))
    return worst
