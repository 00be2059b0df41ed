"""Defines how a network is trained, on which device and in which precision (lesson 04b, section 3)."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd
import torch

from ecomlib.contract.settings import checked_types
from ecomlib.errors import DataError, explained


@explained(
    max_epochs="it is called epochs here: TrainSettings(epochs=20).",
    max_steps="whole passes are counted here: TrainSettings(epochs=20).",
    n_epochs="it is called epochs here: TrainSettings(epochs=20).",
    learning_rate="it is called lr here: TrainSettings(lr=0.003).",
    early_stop_patience_steps="it is called patience here, in epochs: TrainSettings(patience=5).",
)
@dataclass(frozen=True)
class TrainSettings:
    """How a network is trained (lesson 04, section 4).

    Attributes
    ----------
    epochs: passes over the training windows, at most.
    batch_size: windows a step.
    chunk: windows computed at once; the gradients of a batch's chunks are added, so the step is the same, in less
        memory and, on a CPU, in its cache (0: the whole batch).
    lr, weight_decay: of AdamW (Loshchilov and Hutter, 2019).
    decay: which weights are drawn towards zero: "all", or "matrices": not biases, norms and embeddings, which scale
        nothing that could grow without end (the usual rule for Transformers; recorded results are from "all").
    schedule: "constant", or "one_cycle": up to `lr` and down to nearly zero (Smith and Topin, 2018).
    average: decay of a running mean of the weights, in place of the last ones (Polyak and Juditsky, 1992); 0: none.
    clip: largest norm of the gradient of all weights (Pascanu, Mikolov and Bengio, 2013); lesson 04 shows why.
    patience: epochs without a better validation loss before training stops. Needs validation windows.
    valid_periods: how many last periods `NetworkForecaster` keeps back for validation; 0 trains all epochs on all.
    device: "auto" (CUDA where there is one), "cpu", "cuda".
    precision: "auto" (CUDA: bf16 from capability 8.0, else fp16 with scaled gradients; CPU: fp32), or one of
        `precisions(device)`.
    replay: on CUDA record a whole step as a graph once and replay it, which spares launching its kernels one by one;
        without CUDA, with several processes, or where recording fails, steps are run as usual (`TrainResult.replayed`).
    seed: of the order of windows and of dropout. The start weights have their own seed in `NetworkSettings`.
    """

    epochs: int = 20
    batch_size: int = 512
    chunk: int = 0
    lr: float = 3e-3
    weight_decay: float = 1e-4
    decay: str = "all"
    schedule: str = "one_cycle"
    average: float = 0.0
    clip: float = 1.0
    patience: int = 5
    valid_periods: int = 0
    device: str = "auto"
    precision: str = "auto"
    replay: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        checked_types(self)
        if self.device not in ("auto", "cpu", "cuda") and not self.device.startswith("cuda:"):
            raise DataError(
                "there is no such device",
                value=self.device,
                remedy='use device="auto", which takes CUDA where there is one, "cpu" or "cuda".',
            )
        if min(self.epochs, self.batch_size, self.patience) < 1 or min(self.lr, self.clip) <= 0 or self.chunk < 0:
            raise DataError("epochs, batch_size, patience, lr and clip must be above zero", remedy="mend the settings.")
        if self.decay not in ("all", "matrices"):
            raise DataError("unknown decay", value=self.decay, remedy="use all or matrices.")
        if self.schedule not in ("constant", "one_cycle"):
            raise DataError("unknown schedule", value=self.schedule, remedy="use constant or one_cycle.")
        if self.precision not in ("auto", "fp32", "tf32", "bf16", "fp16"):
            raise DataError("unknown precision", value=self.precision, remedy="use auto, fp32, tf32, bf16 or fp16.")
        if not 0 <= self.average < 1:
            raise DataError(
                "average is a decay from 0 to below 1", value=self.average, remedy="0.995 is a usual value."
            )


@dataclass(frozen=True)
class TrainResult:
    """What a training run leaves beside the weights, which are those of `best_epoch`.

    history: frame `epoch, train_loss, valid_loss, lr, seconds`, one row an epoch (without validation NaN).
    replayed: whether steps were replayed from a CUDA graph.
    """

    history: pd.DataFrame = field(repr=False)
    best_epoch: int
    seconds: float
    device: str
    precision: str
    replayed: bool = False


def pick_device(device: str = "auto") -> torch.device:
    """The device of that name; "auto" takes CUDA where there is one (lesson 04b, section 2)."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise DataError("no CUDA device is there", value=device, remedy='use device="auto", which takes the CPU then.')
    return torch.device(device)


def precisions(device: torch.device) -> tuple[str, ...]:
    """What the device can train in, the most exact first (lesson 04b, section 3).

    A CPU has no half precision LSTM; CUDA has tf32 and fast bf16 from capability 8.0 on (A100 and later, not a T4).
    """
    if device.type != "cuda":
        return ("fp32", "bf16")
    return ("fp32", "tf32", "fp16", "bf16") if torch.cuda.get_device_capability(device) >= (8, 0) else ("fp32", "fp16")


def pick_precision(precision: str, device: torch.device) -> str:
    """fp32 on a CPU; on CUDA bf16 from capability 8.0 on, else fp16 (lesson 04b, section 3).

    Raises `DataError` for one that the device does not have: emulated, it would be slower than fp32.
    """
    able = precisions(device)
    if precision == "auto":
        return able[-1] if device.type == "cuda" else "fp32"
    if precision not in able:
        raise DataError(
            "this device does not have the precision",
            value=f"{precision} on {device.type}",
            remedy=f"use auto, or one of {', '.join(able)}.",
        )
    return precision
