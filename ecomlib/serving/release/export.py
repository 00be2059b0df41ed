"""Quantises an exported network, and measures how far file and network differ (lesson 08, section 1)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

from ecomlib.files import whole_file
from ecomlib.models import Network
from ecomlib.serving.release.onnx_session import Session as Session
from ecomlib.serving.release.onnx_session import open_session as open_session
from ecomlib.windows import WindowSet


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
