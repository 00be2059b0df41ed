"""Exports a trained network to ONNX, whatever it reads (lesson 08, section 1)."""

from __future__ import annotations

import copy
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn

from ecomlib.errors import DataError
from ecomlib.files import whole_file

_OPSET = 17


class Exportable(Protocol):
    """What the export asks of a network beside being a `torch.nn.Module`."""

    def example(self) -> Any:
        """A batch of two windows as it reads them, of whatever content."""

    def inputs(self, batch: Any) -> dict[str, Tensor]:
        """The tensors of a batch that it reads, by the names that the file's inputs get; windows run along axis 0."""

    def batch_of(self, inputs: Mapping[str, Tensor]) -> Any:
        """The batch that holds these tensors and nothing else: the inverse of `inputs`."""

    def predict(self, batch: Any) -> Tensor:
        """Forecasts (B, ..., K) on the windows' scale."""


class _Plain(nn.Module):
    """The network with tensors in place of a batch: what an exporter can follow."""

    def __init__(self, model: Exportable, names: tuple[str, ...]) -> None:
        super().__init__()
        self.model, self.names = model, names

    def forward(self, *given: Tensor) -> Tensor:
        return self.model.predict(self.model.batch_of(dict(zip(self.names, given, strict=True))))


def export_onnx(model: Exportable, path: str | os.PathLike[str], example: Any = None) -> Path:
    """Write a network as ONNX, for any number of windows (lesson 08, section 1).

    Parameters
    ----------
    model : Network
        On the CPU. It stays as it is.
    path : path
        The file, written whole or not at all.
    example : batch, optional
        Two windows or more, which are traced; the network's own `example()` unless given.

    Returns
    -------
    Path
        Of the file. Its inputs are those that the network reads (``x`` (B, T, C), ``seen``, ``f``, ``z``, ``e`` where
        there is text, ``scale``); its output ``forecast`` (B, H, K) is on the windows' scale, as `predict` gives it.

    Raises
    ------
    DataError
        The example has fewer than two windows.
    """
    path = Path(path)
    inputs = model.inputs(model.example() if example is None else example)
    count = min(len(tensor) for tensor in inputs.values())
    if count < 2:
        raise DataError(
            "an export needs two windows as an example", value=count, remedy="hand in windows.batch(torch.arange(2))."
        )
    plain = _Plain(copy.deepcopy(model), tuple(inputs))
    cast(nn.Module, plain.model).eval()
    with whole_file(path) as part, warnings.catch_warnings():
        # The tracing exporter warns that another one will take its place; that one needs one package more.
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        warnings.filterwarnings("ignore", category=torch.jit.TracerWarning)
        # What it cannot fold beforehand is computed when the file runs.
        warnings.filterwarnings("ignore", message="Constant folding")
        # Recurrent layers warn that batches of another size need an initial state: torch makes it from the input.
        warnings.filterwarnings("ignore", message="Exporting a model to ONNX with a batch_size other than 1")
        torch.onnx.export(
            plain,
            tuple(inputs.values()),
            str(part),
            input_names=list(inputs),
            output_names=["forecast"],
            dynamic_axes={name: {0: "batch"} for name in (*inputs, "forecast")},
            opset_version=_OPSET,
            dynamo=False,
        )
    return path
