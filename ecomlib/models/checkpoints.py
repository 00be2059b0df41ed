"""Saves and loads networks and checkpoints: safetensors with a JSON card, written whole or not at all, no pickles."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ecomlib.errors import DataError
from ecomlib.files import whole_file, write_whole
from ecomlib.models.base import Network
from ecomlib.models.registry import network_class, require_registered

FORMAT = 2  # of cards; a later, incompatible one gets the next number, and `_renamed` reads the old ones


def write(path: Path, tensors: Mapping[str, Tensor], notes: Mapping[str, str]) -> None:
    """Tensors and notes in one safetensors file, whole or not at all: a kill leaves the old file or the new one."""
    from safetensors.torch import save_file  # here, so that a machine with torch alone can train

    with whole_file(path) as part:
        save_file({k: v.detach().cpu().clone().contiguous() for k, v in tensors.items()}, part, metadata=dict(notes))


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise DataError(
            f"'{path.name}' is not a readable safetensors file: {error}",
            remedy="train the network again, or bring the whole file.",
        ) from error


def write_checkpoint(
    path: Path, fingerprint: str, parts: Mapping[str, Mapping[str, Tensor]], history: Sequence[Mapping[str, float]]
) -> None:
    """The state of a training run after an epoch: named parts (weights, the optimizer's moments) and its history."""
    tensors = {f"{part}.{name}": value for part, state in parts.items() for name, value in state.items()}
    write(path, tensors, {"fingerprint": fingerprint, "history": json.dumps(history)})


def read_checkpoint(path: Path, fingerprint: str) -> tuple[dict[str, dict[str, Tensor]], list[dict[str, float]]] | None:
    """Parts and history, or None where there is no checkpoint, it cannot be read, or it belongs to another run."""
    try:
        tensors, notes = read(path)
    except DataError:
        return None
    if notes.get("fingerprint") != fingerprint:
        return None
    parts: dict[str, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        part, key = name.split(".", 1)
        parts.setdefault(part, {})[key] = value
    return parts, json.loads(notes["history"])


def save(
    model: Network,
    path: str | os.PathLike[str],
    *,
    windows: Any = None,
    notes: Mapping[str, Any] | None = None,
) -> Path:
    """Write `path` (`.safetensors`) and its card (`.json`); returns the weights' path (lesson 08, section 1).

    The card holds what makes the network anew: kind, settings, those of its windows, version, and `notes` (plain JSON).
    It also stands inside the safetensors file, from which `load` takes it: one file, one rename, so weights and card
    cannot come apart when the process is killed between the two.

    Raises `DataError` for a network whose class is not registered: no file could say later what its weights belong to.
    """
    require_registered(type(model))
    path = Path(path).with_suffix(".safetensors")
    card = {
        "format": FORMAT,
        "kind": model.kind,
        "settings": asdict(model.settings),
        "windows": None if windows is None else asdict(windows),
        "weights": model.count(),
        "torch": torch.__version__.split("+")[0],
        "notes": dict(notes or {}),
    }
    write(path, model.state_dict(), {"card": json.dumps(card)})
    write_whole(path.with_suffix(".json"), json.dumps(card, indent=2) + "\n")
    return path


def load(path: str | os.PathLike[str]) -> tuple[Network, dict[str, Any]]:
    """The network saved under `path`, ready to predict, and its card; nothing is unpickled (lesson 08, section 1).

    Raises `DataError` for a file that is none of a network, one of a newer ecomlib, and a network that is not
    registered here.
    """
    tensors, notes = read(Path(path).with_suffix(".safetensors"))
    try:
        card = json.loads(notes["card"])
        if card["format"] > FORMAT:
            raise DataError("this model was saved by a newer ecomlib", value=card["format"], remedy="update ecomlib.")
        if card["format"] == 1:
            tensors, card["settings"] = _renamed(tensors, card["kind"], card["settings"])
        kind = network_class(card["kind"])
        model = kind(kind.Settings(**card["settings"]))
        model.load_state_dict(tensors)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"'{Path(path).name}' holds no network of ecomlib: {error}", remedy="save it with ecomlib.training.save."
        ) from error
    return model.eval(), card


def _renamed(
    tensors: Mapping[str, Tensor], kind: str, settings: Mapping[str, Any]
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Weights and settings of a file of format 1 as format 2 has them.

    Its `heads` were those of the Transformer's blocks and those of the fusion; every network had `feed_forward`.
    """
    now = dict(settings)
    heads, feed_forward = now.pop("heads", 4), now.pop("feed_forward", 64)
    now["fusion_heads"] = heads
    if kind == "transformer":
        now |= {"attention_heads": heads, "feed_forward": feed_forward}
    head, other = "ask.", "cross_attention."
    return {other + k.removeprefix(head) if k.startswith(head) else k: v for k, v in tensors.items()}, now
