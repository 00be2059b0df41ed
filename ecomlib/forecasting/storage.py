"""Saves and loads fitted forecasters of every kind: a folder with a card, written whole or not at all, no pickles.

``card.json`` holds the registered name, the settings, horizon, frequency and what the point forecast is. Arrays and
tensors lie in ``arrays.safetensors``, frames in Parquet, long texts (LightGBM's trees) in text files, and members (of
averages and intervals) in folders of their own. The card holds the SHA-256 of the files beside it. Nothing in a file
names code: the registered name does, and who may register is up to the user (``--plugin``, ``ECOMLIB_PLUGINS``).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ecomlib.contract import FittedForecaster, Forecaster
from ecomlib.errors import DataError, explained
from ecomlib.files import whole_folder
from ecomlib.forecasting.registry import FORECASTERS, create, names

FORMAT = 1  # of cards; a later, incompatible one gets the next number
CARD, ARRAYS = "card.json", "arrays.safetensors"
_MEMBER = "forecaster"
_NAME = re.compile(r"\w[\w.\-]*")  # of what was learnt: it becomes the name of a file or folder
_SHORT = 200  # letters: longer texts get a file


@explained()
def save(fitted: FittedForecaster, path: str | os.PathLike[str]) -> Path:
    """Write a fitted forecaster to a folder, whole or not at all.

    Parameters
    ----------
    fitted : FittedForecaster
        What ``Forecaster.fit`` returned.
    path : path
        The folder; one that a forecaster was saved in before is replaced.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    DataError
        Not a fitted forecaster, one without a registered name, or what it learnt cannot be saved.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from ecomlib.forecasting import forecaster
    >>> weeks = pd.date_range("2024-01-01", periods=3, freq="7D")
    >>> fitted = forecaster("naive").fit(pd.DataFrame({"unique_id": "mug", "ds": weeks, "y": 2.0}), horizon=4)
    >>> with TemporaryDirectory() as folder:
    ...     sorted(part.name for part in save(fitted, f"{folder}/naive").iterdir())
    ['card.json']
    """
    if not isinstance(fitted, FittedForecaster):
        raise DataError(
            "only a fitted forecaster can be saved", value=type(fitted).__name__, remedy="save what fit returned."
        )
    target = Path(path)
    if target.exists() and not (target / CARD).is_file():
        raise DataError("this folder is not one of a forecaster", value=target.name, remedy="name a new folder.")
    with whole_folder(target, overwrite=True) as folder:
        _write(fitted, folder)
    return target


def _write(fitted: FittedForecaster, folder: Path) -> None:
    forecaster = fitted.forecaster
    if not forecaster.name:
        raise DataError(
            f"'{forecaster.label}' has no registered name",
            remedy='write name = "my_forecaster" in the class and @ecomlib.register above it.',
        )
    if forecaster.name not in FORECASTERS and forecaster.name not in names():
        raise DataError(
            f"no class is registered as '{forecaster.name}', so nobody could load it",
            remedy=f"write @ecomlib.register above the class {type(forecaster).__name__}.",
        )
    arrays: dict[str, Any] = {}
    plain: dict[str, Any] = {}
    kept: dict[str, str] = {}
    for name, value in forecaster.pack(fitted.learned).items():
        if not _NAME.fullmatch(name):
            raise DataError(
                f"'{forecaster.label}' cannot be saved: a name in what it learnt is no name of a file",
                value=name,
                remedy="let pack use letters, digits, points, hyphens and underscores.",
            )
        if isinstance(value, FittedForecaster):
            kept[name] = "forecaster"
            (folder / name).mkdir(parents=True)
            _write(value, folder / name)
        elif isinstance(value, pd.DataFrame):
            kept[name] = "frame"
            value.to_parquet(folder / f"{name}.parquet")
        elif isinstance(value, str) and len(value) > _SHORT:
            kept[name] = "text"
            (folder / f"{name}.txt").write_text(value, encoding="utf-8", newline="\n")
        elif isinstance(value, np.ndarray) and value.dtype.kind in "OU":
            if value.ndim != 1 or not all(isinstance(part, str) for part in value):
                raise DataError(
                    f"'{forecaster.label}' cannot be saved: '{name}' is an array of objects",
                    remedy="let pack return arrays of numbers, and lists of texts.",
                )
            kept[name], plain[name] = "texts", [str(part) for part in value]
        elif isinstance(value, np.ndarray):
            kept[name], arrays[name] = "array", np.ascontiguousarray(value)
        elif hasattr(value, "detach"):
            kept[name], arrays[name] = "tensor", value.detach().cpu().contiguous().numpy()
        else:
            plain[name] = value
    if arrays:
        from safetensors.numpy import save_file

        save_file(arrays, folder / ARRAYS)
    card = {
        "format": FORMAT,
        "forecaster": forecaster.name,
        "settings": _encoded(forecaster.settings()),
        "horizon": fitted.horizon,
        "frequency": fitted.frequency,
        "until": f"{fitted.until:%Y-%m-%d}",
        "point": fitted.point,
        "learned": plain,
        "kept": kept,
        "sha256": {path.name: _fingerprint(path) for path in sorted(folder.iterdir()) if path.is_file()},
    }
    try:
        text = json.dumps(card, indent=2, default=_number) + "\n"
    except TypeError as fault:
        raise DataError(
            f"'{forecaster.label}' cannot be saved: {fault}",
            remedy="let pack return arrays, frames, texts and plain numbers.",
        ) from fault
    (folder / CARD).write_text(text, encoding="utf-8", newline="\n")


def _fingerprint(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _encoded(value: Any) -> Any:
    """Settings as JSON holds them; a forecaster among them by its registered name."""
    if isinstance(value, Forecaster):
        return {_MEMBER: value.name, "settings": _encoded(value.settings())}
    if is_dataclass(value) and not isinstance(value, type):
        return {part.name: _encoded(getattr(value, part.name)) for part in fields(value) if part.init}
    if isinstance(value, Mapping):
        return {str(name): _encoded(part) for name, part in value.items()}
    return [_encoded(part) for part in value] if isinstance(value, list | tuple) else value


def _decoded(value: Any) -> Any:
    if isinstance(value, Mapping):
        plain = {name: _decoded(part) for name, part in value.items()}
        return create(plain[_MEMBER], plain["settings"], saved=True) if _MEMBER in plain else plain
    return [_decoded(part) for part in value] if isinstance(value, list) else value


def _number(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"a {type(value).__name__} is no plain value")


@explained(
    "load(folder)",
    model="load needs the folder alone: what it holds stands in its card.",
    weights_only="nothing is unpickled.",
)
def load(path: str | os.PathLike[str]) -> FittedForecaster:
    """Read a fitted forecaster that ``save`` wrote; nothing is unpickled.

    Parameters
    ----------
    path : path
        The folder.

    Returns
    -------
    FittedForecaster
        Forecasts as the saved one did; ``forecast`` needs a panel.

    Raises
    ------
    DataError
        No such folder, a damaged one, one of a newer ecomlib, or a registered name that is not known here.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from ecomlib.forecasting import forecaster
    >>> weeks = pd.date_range("2024-01-01", periods=3, freq="7D")
    >>> panel = pd.DataFrame({"unique_id": "mug", "ds": weeks, "y": 2.0})
    >>> with TemporaryDirectory() as folder:
    ...     load(save(forecaster("naive").fit(panel, horizon=4), f"{folder}/naive")).forecast(panel)["naive"].tolist()
    [2.0, 2.0, 2.0, 2.0]
    """
    folder = Path(path)
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise DataError(
            f"'{folder.name}' holds no forecaster: {fault}", remedy="name the folder that ecomlib.save wrote."
        ) from fault
    written = card.get("format") if isinstance(card, Mapping) else None
    if not isinstance(written, int):
        raise DataError(
            f"'{folder.name}' holds no forecaster: its {CARD} says no format",
            remedy="name the folder that ecomlib.save wrote.",
        )
    if written > FORMAT:
        raise DataError("this forecaster was saved by a newer ecomlib", value=folder.name, remedy="update ecomlib.")
    try:
        for name, expected in card["sha256"].items():
            if not _NAME.fullmatch(name) or _fingerprint(folder / name) != expected:
                raise ValueError(f"{name} is not the file that was saved")
        if not all(map(_NAME.fullmatch, card["kept"])):
            raise ValueError("a name on the card is no name of a file")
        forecaster = create(card["forecaster"], _decoded(card["settings"]), saved=True)
        packed: dict[str, Any] = dict(card["learned"])
        arrays: dict[str, Any] = {}
        if any(kind in ("array", "tensor") for kind in card["kept"].values()):
            from safetensors.numpy import load_file

            arrays = load_file(folder / ARRAYS)
        for name, kind in card["kept"].items():
            if kind == "forecaster":
                packed[name] = load(folder / name)
            elif kind == "frame":
                packed[name] = pd.read_parquet(folder / f"{name}.parquet")
            elif kind == "text":
                packed[name] = (folder / f"{name}.txt").read_text(encoding="utf-8")
            elif kind == "texts":
                packed[name] = np.array(packed[name], dtype=object)
            elif kind == "tensor":
                import torch

                packed[name] = torch.from_numpy(arrays[name])
            else:
                packed[name] = arrays[name]
        learned = forecaster.unpack(packed)
        return FittedForecaster(
            forecaster, learned, int(card["horizon"]), str(card["frequency"]), pd.Timestamp(card["until"])
        )
    except DataError:
        raise
    except Exception as fault:  # whatever a damaged file does to its reader
        raise DataError(
            f"'{folder.name}' is damaged: {type(fault).__name__}: {fault}", remedy="save the forecaster again."
        ) from fault
