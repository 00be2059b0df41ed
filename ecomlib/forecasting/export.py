"""Exports fitted forecasters of networks: ONNX files with a card that says what they read."""

from __future__ import annotations

import json
import os
from pathlib import Path

from ecomlib.contract import FittedForecaster
from ecomlib.errors import DataError
from ecomlib.files import whole_folder

CARD = "onnx.json"


def export(fitted: FittedForecaster, path: str | os.PathLike[str]) -> Path:
    """Write the networks of a fitted forecaster as ONNX files, for a machine without torch.

    Parameters
    ----------
    fitted : FittedForecaster
        Of a network (``ecomlib.forecaster("gru")``), or of another forecaster that has ``exported``.
    path : path
        A folder, written whole or not at all; one that was exported to before is replaced.

    Returns
    -------
    Path
        The folder: a file a seed, and ``onnx.json``, which holds their names, the inputs with their shapes (the first
        axis is the number of windows), what the outputs are, how windows are scaled, and the horizon. The forecast is
        the mean over the files of what each says in units.

    Raises
    ------
    DataError
        Not a fitted forecaster, or one that holds no network.
    """
    from ecomlib.training.export import export_onnx

    if not isinstance(fitted, FittedForecaster):
        raise DataError(
            "only a fitted forecaster can be exported", value=type(fitted).__name__, remedy="export what fit returned."
        )
    exported = getattr(fitted.forecaster, "exported", None)
    if exported is None:
        raise DataError(
            f"'{fitted.forecaster.label}' holds no network that ONNX could express",
            remedy="export a network's forecaster; of an average or of intervals, each member by itself. "
            "ecomlib.save keeps every kind.",
        )
    target = Path(path)
    if target.exists() and not (target / CARD).is_file():
        raise DataError("this folder holds no export", value=target.name, remedy="name a new folder.")
    networks, notes = exported(fitted.learned)
    with whole_folder(target, overwrite=True) as folder:
        inputs: dict[str, list[int]] = {}
        for name, network in networks.items():
            export_onnx(network, folder / f"{name}.onnx")
            inputs = {key: list(tensor.shape[1:]) for key, tensor in network.inputs(network.example()).items()}
        card = {
            "forecaster": fitted.forecaster.label,
            "files": [f"{name}.onnx" for name in networks],
            "inputs": {key: ["windows", *shape] for key, shape in inputs.items()},
            "horizon": fitted.horizon,
            "frequency": fitted.frequency,
            "until": f"{fitted.until:%Y-%m-%d}",
            "point": fitted.point,
            **notes,
        }
        (folder / CARD).write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8", newline="\n")
    return target
