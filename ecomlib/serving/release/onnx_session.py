"""Runs an exported network without torch: a server starts sooner and stays small (lesson 08, section 1)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ecomlib.errors import DataError, MissingDependencyError, install_command

if TYPE_CHECKING:
    from ecomlib.windowing import Cut
    from ecomlib.windows import Batch


@dataclass(frozen=True, eq=False)
class Session:
    """Holds an exported network, ready to run on one thread of the processor; ``open_session`` makes it."""

    run_time: Any  # onnxruntime.InferenceSession
    names: tuple[str, ...]

    def run(self, feed: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
        """Forecast (B, H, K) on the windows' scale from named arrays; those that the file does not read are ignored."""
        answer: NDArray[np.float32] = self.run_time.run(None, {name: feed[name] for name in self.names})[0]
        return answer

    def predict(self, batch: Batch | Cut) -> NDArray[np.float32]:
        """Forecast from a batch, as ``Network.predict`` does, without torch's graph."""
        return self.run({name: np.asarray(getattr(batch, name)) for name in self.names})


def library(name: str) -> Any:
    """Import a library that a version's file needs, or say which extra brings it."""
    try:
        return import_module(name)
    except ImportError as fault:
        raise MissingDependencyError(
            f"this version needs {name}, which is not installed. What to do: {install_command('ecomlib[serve]')}"
        ) from fault


def open_session(file: str | os.PathLike[str] | bytes) -> Session:
    """Load an ONNX file, or what is in one, for the processor.

    It runs on one thread: a server runs many requests, not one request on many threads.
    """
    onnxruntime = library("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        given = file if isinstance(file, bytes) else str(file)
        made = onnxruntime.InferenceSession(given, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the library has an error for each way in which a file can be broken
        name = "this" if isinstance(file, bytes) else f"'{Path(file).name}'"
        raise DataError(
            f"{name} is no network that can be run: {type(error).__name__}",
            remedy="export it again, or roll back to another version.",
        ) from error
    return Session(made, tuple(entry.name for entry in made.get_inputs()))
