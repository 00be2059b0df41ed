"""Runs an exported network without torch: a server starts sooner and stays small (lesson 08, section 1)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ecomlib.errors import DataError

if TYPE_CHECKING:
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

    def predict(self, batch: Batch) -> NDArray[np.float32]:
        """Forecast from a batch, as ``Network.predict`` does, without torch's graph."""
        return self.run({name: getattr(batch, name).numpy() for name in self.names})


def open_session(path: str | os.PathLike[str]) -> Session:
    """Load an ONNX file for the processor, one thread: a server runs many requests, not one request on many threads."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        made = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the library has an error for each way in which a file can be broken
        raise DataError(
            f"'{Path(path).name}' is no network that can be run: {type(error).__name__}",
            remedy="export it again, or roll back to another version.",
        ) from error
    return Session(made, tuple(entry.name for entry in made.get_inputs()))
