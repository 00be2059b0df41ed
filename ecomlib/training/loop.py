"""Trains networks on windows (`fit`) and returns their forecasts as long frames (`predict`) (lesson 04, section 4)."""

from __future__ import annotations

import hashlib
import json
import os
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ecomlib.contract import quantile_column, quantile_columns
from ecomlib.errors import DataError, explained
from ecomlib.models.base import Network
from ecomlib.models.checkpoints import read_checkpoint, write_checkpoint
from ecomlib.models.heads import central
from ecomlib.training.protocols import Trainable, Windows
from ecomlib.training.settings import TrainResult, TrainSettings, pick_device, pick_precision
from ecomlib.training.step import LEAST_WEIGHT, Perturb, Step, tensor_cores


def _mean_loss(model: Trainable, windows: Windows, size: int) -> float:
    total, count = torch.zeros((2,), dtype=torch.float64, device=windows.device)
    model.eval()
    with torch.no_grad():
        for batch in windows.batches(size):
            weight = model.weight(batch)
            total += model.loss_of(model(batch), batch).double() * weight
            count += weight
    return float(total / count.clamp(min=LEAST_WEIGHT))


def _check_call(model: Any, windows: Any) -> None:
    """Refuse a name for a network, a panel for windows, and the two in the wrong order."""
    if isinstance(model, str):
        remedy = f'make_network("{model}", windows) makes it, or forecaster("{model}") does it all.'
        raise DataError("a network is needed, and this is a name", value=model, remedy=remedy)
    if isinstance(windows, pd.DataFrame):
        remedy = "cut the panel: WindowSet.from_panel(panel, WindowSettings(look_back=26, horizon=4))."
        raise DataError("windows are needed, and this is a frame", value=type(windows).__name__, remedy=remedy)
    if not hasattr(model, "check_windows"):
        remedy = "the network comes first: predict(network, windows)."
        raise DataError("this is no network", value=type(model).__name__, remedy=remedy)


_SETTING = "it is a setting: fit(network, windows, valid, TrainSettings(epochs=20))."


@explained(
    "fit(network, windows, valid, TrainSettings(epochs=20))",
    **dict.fromkeys(("epochs", "max_epochs", "max_steps", "lr", "learning_rate", "batch_size", "optimizer"), _SETTING),
)
def fit(
    model: Trainable,
    windows_train: Windows,
    windows_valid: Windows | None = None,
    settings: TrainSettings | None = None,
    *,
    perturb: Perturb | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: bool = False,
) -> TrainResult:
    """Train `model` in place and leave it with its best weights, on the CPU (lesson 04, section 4).

    Series and maps are trained alike: `training.protocols` says what is asked of a network and of its windows.

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
    _check_call(model, windows_train)
    settings = settings or TrainSettings()
    if not len(windows_train) or (windows_valid is not None and not len(windows_valid)):
        raise DataError(
            "there are no windows to train on or to validate with",
            table="windows",
            remedy="shorten look_back or the validation part, or bring a longer history.",
        )
    model.check_windows(windows_train, windows_valid)
    device = pick_device(settings.device)
    precision = pick_precision(settings.precision, device)
    train = windows_train.to(device)
    valid = None if windows_valid is None else windows_valid.to(device)
    model.to(device)
    model.note_ranges(train.batches(4096))
    step = Step(model, train, settings, device, precision, perturb)
    optimizer = step.optimizer
    per_epoch = -(-len(train) // settings.batch_size)

    def share(number: int) -> float:
        return _share(number, settings.epochs * per_epoch, settings.schedule)

    rate = LambdaLR(optimizer, share)
    averaged = WeightAverage(cast(nn.Module, model), settings.average) if settings.average else None
    kept_weights = model if averaged is None else cast(Trainable, averaged.module)
    best = {name: value.clone() for name, value in kept_weights.state_dict().items()}
    rows: list[dict[str, float]] = []
    path = None if checkpoint is None else Path(checkpoint)
    mark = "" if path is None else _fingerprint(model, settings, windows_train, windows_valid)
    mark += "" if perturb is None else repr(perturb)
    if path is not None and (kept := read_checkpoint(path, mark)) is not None:
        parts, rows = kept
        model.load_state_dict(parts["model"])
        if averaged is not None:
            averaged.load_state_dict(parts["averaged"])
        best = parts["best"]
        moments = {k: parts[f"optimizer{k}"] for k, _ in enumerate(_optimized(optimizer))}
        optimizer.load_state_dict({**optimizer.state_dict(), "state": moments})
        done = len(rows) * per_epoch
        rate.load_state_dict({**rate.state_dict(), "last_epoch": done - 1, "_step_count": done})
        _advance(rate, True)
        if step.scaler.is_enabled():
            step.scaler.load_state_dict({**step.scaler.state_dict(), "scale": float(parts["scaler"]["scale"])})
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
                step(order[k * settings.batch_size : (k + 1) * settings.batch_size])
                if averaged is not None:
                    averaged.update_parameters(cast(nn.Module, model))
                _advance(rate, step.scaler.is_enabled())
            train_loss = step.mean_loss()
            if not np.isfinite(train_loss):
                raise DataError(
                    "the training loss is no longer a number",
                    value=train_loss,
                    remedy="take a smaller lr, or look for infinite values in the panel.",
                )
            valid_loss = float("nan") if valid is None else _mean_loss(kept_weights, valid, 4 * settings.batch_size)
            seconds = spent + time.perf_counter() - started
            lr = settings.lr * share(epoch * per_epoch - 1)
            rows.append(
                {"epoch": epoch, "train_loss": train_loss, "valid_loss": valid_loss, "lr": lr, "seconds": seconds}
            )
            if _best_epoch(rows) == epoch:
                best = {name: value.clone() for name, value in kept_weights.state_dict().items()}
            if path is not None and step.rank == 0:
                parts = {"model": model.state_dict(), "best": best}
                parts |= {} if averaged is None else {"averaged": averaged.state_dict()}
                parts |= {f"optimizer{i}": optimizer.state[weight] for i, weight in enumerate(_optimized(optimizer))}
                parts["scaler"] = {"scale": torch.tensor(step.scaler.get_scale())}
                write_checkpoint(path, mark, parts, rows)
            if progress:
                epochs.set_postfix(train=f"{train_loss:.4f}", valid=f"{valid_loss:.4f}")
    model.load_state_dict(best)
    model.to("cpu").eval()
    history = pd.DataFrame(rows).astype({"epoch": "int64"})
    seconds, replayed = float(history["seconds"].iloc[-1]), step.graph is not None
    return TrainResult(history, _best_epoch(rows), seconds, str(device), precision, replayed)


def _optimized(optimizer: torch.optim.Optimizer) -> list[torch.Tensor]:
    """The weights in the order in which the optimizer numbers them: group by group."""
    return [weight for group in optimizer.param_groups for weight in group["params"]]


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


def _advance(rate: LambdaLR, quietly: bool) -> None:
    """Go on to the next step's rate; quietly where the optimizer may have made no step of its own before.

    So it is after a checkpoint, and in half precision where the first gradients are infinite and skipped.
    """
    if not quietly:
        return rate.step()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Detected call of `lr_scheduler.step")
        return rate.step()


class WeightAverage(AveragedModel):
    """Running mean of a network's weights, begun as a copy (Polyak and Juditsky, 1992) (lesson 04, section 4).

    The decay rises to `decay` over the first steps, as the mean of few weights must forget its start. Buffers are no
    weights: a running mean is a mean already, a counter has none. They are copied.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        super().__init__(model)
        self.decay = decay

    def update_parameters(self, model: nn.Module) -> None:
        """Move the mean on by a step; torch's own copies its counter to the device at each step, and waits."""
        steps = int(self.n_averaged)  # on the CPU, whatever the device
        follow = get_ema_multi_avg_fn(min(self.decay, (1 + steps) / (10 + steps)))
        follow(list(self.module.parameters()), list(model.parameters()), steps)
        for mine, theirs in zip(self.module.buffers(), model.buffers(), strict=True):
            mine.copy_(theirs)
        self.n_averaged += 1


@explained("predict(network, windows)")
def predict(
    model: Trainable,
    windows: Windows,
    *,
    batch_size: int = 4096,
    device: str = "auto",
    quantiles: Sequence[float] = (),
) -> pd.DataFrame:
    """Forecasts in units, one row a window and step (lesson 04, section 4).

    Returns a frame `unique_id, ds, cutoff, y` (NaN where unknown) and the forecast: `forecast`; for a quantile head
    also `forecast-q0.1` and so on, and `forecast` is the one nearest the median; for yes or no `probability`. Forecasts
    of units are not below zero. A mean of logarithms turned back into units is not the mean in units but lies below it:
    under "log1p" scales only medians and quantiles keep their meaning. The network stays on the device where it was.
    `quantiles` are read off the distribution of a count head, beside its mean: whole numbers of units.
    """
    _check_call(model, windows)
    model.check_windows(windows)
    where = pick_device(device)
    frame, inside = windows.frame(), windows.to(where)
    home = next(iter(model.parameters())).device
    model.to(where)
    parts, names = [], [*model.head.names, *(quantile_column("forecast", share) for share in quantiles)]
    for batch in inside.batches(batch_size):
        values = model.predict(batch)
        if model.head.in_units:
            values = windows.to_units(values, batch).clamp(min=0)
        beside = [cast(Network, model).law(batch, quantiles)] if quantiles else []
        parts.append(torch.cat([values.double().cpu(), *beside], dim=-1))
    model.to(home)
    table = torch.cat(parts).flatten(0, -2).numpy() if parts else np.zeros((0, len(names)))
    columns = dict(zip(names, table.T, strict=True))
    if "forecast" not in columns and (known := quantile_columns(pd.DataFrame(columns=list(columns)), "forecast")):
        columns = {"forecast": columns[known[central(known)]], **columns}
    return frame.assign(**columns)


def _fingerprint(model: Trainable, settings: TrainSettings, *windows: Windows | None) -> str:
    """Two runs with the same one do the same work: network, settings, and the windows' numbers themselves."""
    work = [type(model).__qualname__, asdict(model.settings), asdict(settings)]
    digest = hashlib.sha256(json.dumps(work, sort_keys=True).encode())
    for part in windows:
        if part is not None:
            digest.update(repr(part.settings).encode())
            for tensor in vars(part).values():
                if isinstance(tensor, torch.Tensor):
                    digest.update(tensor.cpu().numpy().tobytes())
    return digest.hexdigest()
