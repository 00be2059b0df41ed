"""Trains networks on windows (`fit`) and returns their forecasts as long frames (`predict`) (lesson 04, section 4)."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from ecomlib.errors import DataError
from ecomlib.models import NETWORKS, Forecaster, ForecasterSettings
from ecomlib.models.checkpoints import read_checkpoint, write_checkpoint
from ecomlib.training.settings import TrainResult, TrainSettings, pick_device, pick_precision
from ecomlib.training.step import Perturb, Step, tensor_cores
from ecomlib.windowing import WindowSettings
from ecomlib.windows import WindowSet


def _check(model: Forecaster, windows: WindowSet) -> None:
    """The network and the windows must have been made for each other."""
    settings, batch = model.settings, windows.batch(torch.zeros(min(len(windows), 1), dtype=torch.long))
    text = 0 if batch.e is None else batch.e.shape[-1]
    pairs = {
        "past": (settings.past, batch.x.shape[-1]),
        "future": (settings.future, batch.f.shape[-1]),
        "static": (settings.static, batch.z.shape[-1]),
        "horizon": (settings.horizon, windows.settings.horizon),
        "text": (settings.text, text if settings.text else 0),
    }
    for name, (wants, has) in pairs.items():
        if wants != has:
            raise DataError(
                f"the network was made for {name}={wants} and the windows have {has}",
                remedy="make the network with make_network(windows).",
            )
    if windows.settings.scale not in model.head.scales:
        raise DataError(
            f"the head '{settings.head}' cannot work with windows scaled by '{windows.settings.scale}'",
            remedy=f"make the windows with scale one of {', '.join(model.head.scales)}.",
        )


def make_network(model: str, windows: WindowSet, **settings: Any) -> Forecaster:
    """A network ("gru", "lstm") that fits these windows, with more `ForecasterSettings` (lesson 04, section 4)."""
    if model not in NETWORKS:
        raise DataError("there is no such network", value=model, remedy=f"take one of {', '.join(NETWORKS)}.")
    shape: dict[str, Any] = {
        "past": windows.past.shape[1],
        "future": windows.future.shape[1],
        "static": windows.static.shape[1],
        "text": 0 if windows.text is None else windows.text.shape[1],
        "horizon": windows.settings.horizon,
    }
    return NETWORKS[model](ForecasterSettings(**{**shape, **settings}))


def _mean_loss(model: Forecaster, windows: WindowSet, size: int) -> float:
    total, count = torch.zeros((2,), dtype=torch.float64, device=windows.device)
    model.eval()
    with torch.no_grad():
        for batch in windows.batches(size):
            cells = batch.mask.sum()
            total += model.loss(batch).double() * cells
            count += cells
    return float(total / count.clamp(min=1))


def fit(
    model: Forecaster,
    windows_train: WindowSet,
    windows_valid: WindowSet | None = None,
    settings: TrainSettings | None = None,
    *,
    perturb: Perturb | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: bool = False,
) -> TrainResult:
    """Train `model` in place and leave it with its best weights, on the CPU (lesson 04, section 4).

    Batches are gathered on the device from the resident windows, and a step asks the device for nothing (lesson 04b,
    section 2). Inside a `process_group` each batch is shared among the processes, and all end with the same weights.

    With `windows_valid` (later in time than the training windows: `WindowSet.split`) training stops when their loss has
    not improved for `patience` epochs, and the weights of the best epoch are restored; without them all epochs are run.
    `checkpoint` names a file in which the state after each epoch is kept; a run with the same settings and windows that
    finds it goes on from there and ends with the same weights as one that was never stopped. Any other file of that
    name is written anew. The random state of torch is not touched. `perturb(model, batch)` returns the batch that the
    network learns from instead (lesson 06, section 5); validation windows stay as they are.

    Raises `DataError` where network, head and windows do not fit, and where the loss stops being a number.
    """
    settings = settings or TrainSettings()
    if not len(windows_train) or (windows_valid is not None and not len(windows_valid)):
        raise DataError(
            "there are no windows to train on or to validate with",
            table="windows",
            remedy="shorten look_back or the validation part, or bring a longer history.",
        )
    _check(model, windows_train)
    device = pick_device(settings.device)
    precision = pick_precision(settings.precision, device)
    train = windows_train.to(device)
    valid = None if windows_valid is None else windows_valid.to(device)
    model.to(device)
    model.note_ranges(train.batches(4096))
    step = Step(model, train, settings, device, precision, perturb)
    optimizer = step.optimizer
    averaged = copy.deepcopy(model).to(device) if settings.average else model
    best = {name: value.clone() for name, value in averaged.state_dict().items()}
    rows: list[dict[str, float]] = []
    path = None if checkpoint is None else Path(checkpoint)
    mark = "" if path is None else _fingerprint(model.settings, settings, windows_train, windows_valid)
    mark += "" if perturb is None else repr(perturb)
    if path is not None and (kept := read_checkpoint(path, mark)) is not None:
        parts, rows = kept
        model.load_state_dict(parts["model"])
        averaged.load_state_dict(parts["averaged"])
        best = parts["best"]
        moments = {k: parts[f"optimizer{k}"] for k, _ in enumerate(model.parameters())}
        optimizer.load_state_dict({**optimizer.state_dict(), "state": moments})
        if step.scaler.is_enabled():
            step.scaler.load_state_dict({**step.scaler.state_dict(), "scale": float(parts["scaler"]["scale"])})
    per_epoch = -(-len(train) // settings.batch_size)
    started, spent = time.perf_counter(), rows[-1]["seconds"] if rows else 0.0
    # The random state of torch is the caller's before and after: what happens inside does not show outside.
    forked = torch.random.fork_rng(devices=[torch.cuda.current_device()] if device.type == "cuda" else [])
    epochs: Any = range(len(rows) + 1, settings.epochs + 1)
    if progress:
        from tqdm import tqdm

        epochs = tqdm(epochs, desc="epochs", leave=False)
    with forked, tensor_cores(precision):
        for epoch in epochs:
            if _best_epoch(rows) + settings.patience < epoch and valid is not None:
                break
            # Seeded anew each epoch: a run that goes on from a checkpoint meets the same order as one never stopped.
            torch.manual_seed(settings.seed * 100_003 + epoch)
            generator = torch.Generator().manual_seed(settings.seed * 100_003 + epoch)
            order = torch.randperm(len(train), generator=generator).to(device)
            model.train()
            for k in range(per_epoch):
                number = (epoch - 1) * per_epoch + k
                lr = settings.lr * _share(number, settings.epochs * per_epoch, settings.schedule)
                step(order[k * settings.batch_size : (k + 1) * settings.batch_size], lr)
                if averaged is not model:
                    _follow(averaged, model, min(settings.average, (1 + number) / (10 + number)))
            train_loss = step.mean_loss()
            if not np.isfinite(train_loss):
                raise DataError(
                    "the training loss is no longer a number",
                    value=train_loss,
                    remedy="take a smaller lr, or look for infinite values in the panel.",
                )
            valid_loss = float("nan") if valid is None else _mean_loss(averaged, valid, 4 * settings.batch_size)
            seconds = spent + time.perf_counter() - started
            rows.append(
                {"epoch": epoch, "train_loss": train_loss, "valid_loss": valid_loss, "lr": lr, "seconds": seconds}
            )
            if _best_epoch(rows) == epoch:
                best = {name: value.clone() for name, value in averaged.state_dict().items()}
            if path is not None and step.rank == 0:
                parts = {"model": model.state_dict(), "averaged": averaged.state_dict(), "best": best}
                parts |= {f"optimizer{i}": optimizer.state[weight] for i, weight in enumerate(model.parameters())}
                parts["scaler"] = {"scale": torch.tensor(step.scaler.get_scale())}
                write_checkpoint(path, mark, parts, rows)
            if progress:
                epochs.set_postfix(train=f"{train_loss:.4f}", valid=f"{valid_loss:.4f}")
    model.load_state_dict(best)
    model.to("cpu").eval()
    history = pd.DataFrame(rows).astype({"epoch": "int64"})
    seconds, replayed = float(history["seconds"].iloc[-1]), step.graph is not None
    return TrainResult(history, _best_epoch(rows), seconds, str(device), precision, replayed)


def _best_epoch(rows: Sequence[Mapping[str, float]]) -> int:
    """Number of the epoch with the least validation loss; the last one where nothing was validated."""
    if not rows:
        return 1
    best = rows[-1] if np.isnan(rows[-1]["valid_loss"]) else min(rows, key=lambda row: row["valid_loss"])
    return int(best["epoch"])


def _share(step: int, steps: int, schedule: str) -> float:
    """Share of the learning rate at this step: a tenth rising over 15 % of the steps, then half a cosine to zero."""
    if schedule == "constant":
        return 1.0
    warm = max(1, round(0.15 * steps))
    if step < warm:
        return 0.1 + 0.9 * step / warm
    return 0.5 * (1 + float(np.cos(np.pi * (step - warm) / max(1, steps - warm))))


def _follow(averaged: nn.Module, model: nn.Module, decay: float) -> None:
    """Move the mean of the weights on by a step.

    Buffers are no weights: a running mean is a mean already, a counter has none. They are copied, as
    `torch.optim.swa_utils.AveragedModel` does where it does not average them.
    """
    with torch.no_grad():
        torch._foreach_lerp_(list(averaged.parameters()), list(model.parameters()), 1 - decay)  # one call for all
        for mine, theirs in zip(averaged.buffers(), model.buffers(), strict=True):
            mine.copy_(theirs)


def predict(model: Forecaster, windows: WindowSet, *, batch_size: int = 4096, device: str = "auto") -> pd.DataFrame:
    """Forecasts in units, one row a window and step (lesson 04, section 4).

    Returns a frame `unique_id, ds, cutoff, y` (NaN where unknown) and the head's columns: `forecast`, or `q0.1` ... for
    quantiles, or `probability`. Forecasts of units are not below zero. A mean of logarithms turned back into units is
    not the mean in units but lies below it: under "log1p" scales only medians and quantiles keep their meaning.
    """
    _check(model, windows)
    where = pick_device(device)
    frame, inside = windows.frame(), windows.to(where)
    model.to(where)
    parts = []
    for batch in inside.batches(batch_size):
        values = model.predict(batch)
        if model.settings.head != "yes_no":
            values = windows.settings.units(values, batch.scale.unsqueeze(-1)).clamp(min=0)
        parts.append(values.double().cpu())
    model.to("cpu")
    table = torch.cat(parts).flatten(0, 1).numpy() if parts else np.zeros((0, len(model.head.names)))
    for k, name in enumerate(model.head.names):
        frame[name] = table[:, k]
    return frame


def _fingerprint(model: ForecasterSettings, settings: TrainSettings, *windows: WindowSet | None) -> str:
    """Two runs with the same one do the same work: settings, and the windows' numbers themselves."""
    digest = hashlib.sha256(json.dumps([asdict(model), asdict(settings)], sort_keys=True).encode())
    for part in windows:
        if part is not None:
            digest.update(repr(part.settings).encode())
            for tensor in vars(part).values():
                if isinstance(tensor, torch.Tensor):
                    digest.update(tensor.cpu().numpy().tobytes())
    return digest.hexdigest()


def network_forecaster(
    model: str = "gru",
    window: WindowSettings | None = None,
    train: TrainSettings | None = None,
    *,
    seeds: Sequence[int] = (0,),
    text: Mapping[str, Any] | pd.DataFrame | None = None,
    text_key: str = "unique_id",
    **network: Any,
) -> Callable[[pd.DataFrame, pd.DataFrame], np.ndarray]:
    """A forecaster `(train, future) -> units` for a backtest, trained anew at each origin (lesson 00, section 3).

    `window.future` may name calendar and last year's columns that the panel lacks: they are made here, from the rows up
    to the origin alone. `network` are `ForecasterSettings` (hidden, head, ...). With several `seeds` the networks'
    medians (means, ...) are averaged: that is an ensemble, and is to be called one. A quantile head gives its middle
    quantile. A series that is too young for a window gets the mean of what it sold.
    """
    shape, how = window or WindowSettings(scale="log1p_shift"), train or TrainSettings()
    if not seeds:
        raise DataError("seeds are needed, one a network", remedy="seeds=(0,) trains one network.")

    def forecaster(past: pd.DataFrame, future: pd.DataFrame) -> np.ndarray:
        panel, cutoff = _whole(past, future, shape), past["ds"].max()
        windows = WindowSet.from_panel(panel, shape, text, text_key=text_key)
        period = pd.Index(sorted(past["ds"].unique()))
        end = period[-1 - how.valid_periods]
        fitted, valid = windows.split(end, max(how.valid_periods, 1))
        answers = []
        for seed in seeds:
            net = make_network(model, windows, **{**network, "seed": seed})
            fit(net, fitted, valid if how.valid_periods else None, replace(how, seed=seed))
            answer = predict(net, windows.at(cutoff), device=how.device).set_index(["unique_id", "ds"])
            names = net.head.names
            answers.append(answer[names[len(names) // 2]])
        rows = pd.MultiIndex.from_frame(future[["unique_id", "ds"]])
        result = sum(answers).reindex(rows).to_numpy(dtype=float) / len(answers)
        if np.isnan(result).any():
            level = future["unique_id"].map(past.groupby("unique_id", observed=True)["y"].mean()).fillna(0.0)
            result = np.where(np.isnan(result), level.to_numpy(dtype=float), result)
        return result

    return forecaster


def _whole(past: pd.DataFrame, future: pd.DataFrame, window: WindowSettings) -> pd.DataFrame:
    """Past and future rows as one panel, y missing ahead; what its calendar and last year say is filled in."""
    from ecomlib.features import calendar, last_year
    from ecomlib.panel import CALENDAR, LAST_YEAR

    wanted = set(window.past + window.future)
    panel = pd.concat([past, future], ignore_index=True).sort_values(["unique_id", "ds"], ignore_index=True)
    for column in window.static:  # does not change within a series, so what was known stays known
        panel[column] = panel.groupby("unique_id", observed=True)[column].ffill()
    if wanted & set(CALENDAR) - set(past.columns):
        made = calendar(panel)
        panel = panel.assign(**{name: made[name] for name in CALENDAR if name not in past.columns})
    if wanted & set(LAST_YEAR) - set(past.columns):
        made = last_year(panel)
        panel = panel.assign(**{name: made[name] for name in made.columns if name in LAST_YEAR})
    return panel
