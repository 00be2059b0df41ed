"""Implements a small network of several yes-or-no tasks: one trunk, a head a task (lesson 09, section 2).

Caruana (1997): tasks that share a trunk teach each other, or get in each other's way. The trunk reads a table (rows of
covariates) or a sequence (an LSTM over the last steps). A label that is not known, such as whether a visit's goods came
back where nothing was bought, does not count in the loss. Trained by the one training loop (``ecomlib.training.fit``).
Focal loss: Lin, Goyal, Girshick, He and Dollár (2017).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn
from torch.nn import functional as F

from ecomlib.errors import DataError


@dataclass(frozen=True)
class TaskBatch:
    """Some rows: ``x`` (B, C) or (B, T, C), ``y`` (B, K) and ``known`` (B, K), which labels count."""

    x: Tensor
    y: Tensor
    known: Tensor


@dataclass(frozen=True)
class TaskRows:
    """Rows to learn K yes-or-no tasks from, as the training loop takes them.

    Parameters
    ----------
    x : Tensor
        Covariates, (N, C) of a table or (N, T, C) of sequences, the newest step last; scaled by the caller, on the
        training part.
    y : Tensor
        Labels 0 or 1, (N, K); what ``known`` leaves out is not read.
    known : Tensor
        Boolean, (N, K).
    names : tuple of str
        Of the tasks, K of them.
    """

    x: Tensor
    y: Tensor
    known: Tensor
    names: tuple[str, ...]

    @classmethod
    def make(cls, x: ArrayLike, labels: dict[str, ArrayLike]) -> TaskRows:
        """Make rows from arrays: ``x`` (N, C) or (N, T, C), a label (N,) a task; NaN where it is not known.

        Raises
        ------
        DataError
            Lengths that do not fit, labels that are neither 0, 1 nor NaN, covariates that are not finite.
        """
        values = torch.as_tensor(np.asarray(x, dtype=np.float32))
        if not labels:
            raise DataError("a task needs labels", remedy='give a dict such as {"buys": array}.')
        y = np.stack([np.asarray(label, dtype=np.float32) for label in labels.values()], axis=-1)
        if values.ndim not in (2, 3) or y.shape != (len(values), len(labels)) or not torch.isfinite(values).all():
            raise DataError(
                "covariates are finite, (N, C) or (N, T, C), and each task has N labels",
                value=(tuple(values.shape), y.shape),
                remedy="fill what is missing, and give one label a row (NaN where it is not known).",
            )
        known = ~np.isnan(y)
        if not np.isin(y[known], (0.0, 1.0)).all():
            raise DataError("labels are 0, 1, or NaN where not known", column="y", remedy="mend the labels.")
        return cls(values, torch.as_tensor(np.nan_to_num(y)), torch.as_tensor(known), tuple(labels))

    @property
    def settings(self) -> Any:
        return self.names

    @property
    def device(self) -> torch.device:
        return self.x.device

    def __len__(self) -> int:
        return len(self.x)

    def to(self, device: torch.device) -> TaskRows:
        return replace(self, x=self.x.to(device), y=self.y.to(device), known=self.known.to(device))

    def batch(self, index: Tensor) -> TaskBatch:
        return TaskBatch(self.x[index], self.y[index], self.known[index])

    def batches(self, size: int) -> Iterator[TaskBatch]:
        for k in range(0, len(self), size):
            yield TaskBatch(self.x[k : k + size], self.y[k : k + size], self.known[k : k + size])

    def to_units(self, values: Tensor, batch: TaskBatch) -> Tensor:
        return values  # chances have no unit

    def frame(self) -> pd.DataFrame:
        first = np.where(self.known[:, 0].cpu(), self.y[:, 0].cpu(), np.nan)
        return pd.DataFrame({"unique_id": np.arange(len(self)), "ds": pd.NaT, "cutoff": pd.NaT, "y": first})


@dataclass(frozen=True)
class TaskSettings:
    """How a ``TaskNetwork`` is built, and what its loss is.

    Parameters
    ----------
    channels : int
        Covariates a row or a step, C.
    tasks : tuple of str
        Names of the heads, K of them.
    encoder : {"mlp", "lstm"}
        What reads the rows: an MLP a table, an LSTM sequences.
    hidden, layers : int
        Width, and number of layers of the trunk.
    dropout : float
    task_weights : tuple of float
        Of each task's loss; empty: 1 each.
    positive_weight : float
        What a one counts beside a zero. Chances are no chances any more unless it is 1.
    gamma : float
        Of the focal loss: rows that are right already count less, by (1 - p)^gamma. 0 is the logistic loss.
    seed : int
        Of the start weights.
    """

    channels: int
    tasks: tuple[str, ...]
    encoder: str = "mlp"
    hidden: int = 32
    layers: int = 2
    dropout: float = 0.0
    task_weights: tuple[float, ...] = ()
    positive_weight: float = 1.0
    gamma: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.encoder not in ("mlp", "lstm"):
            raise DataError("there is no such encoder", value=self.encoder, remedy="take mlp or lstm.")
        if min(self.channels, self.hidden, self.layers, len(self.tasks)) < 1:
            raise DataError("channels, tasks, hidden and layers are at least one", remedy="mend the settings.")
        if self.task_weights and len(self.task_weights) != len(self.tasks):
            raise DataError("each task has one weight", value=self.task_weights, remedy=f"give {len(self.tasks)}.")
        if self.positive_weight <= 0 or self.gamma < 0:
            raise DataError("positive_weight is above 0 and gamma at least 0", remedy="mend the settings.")


class _Tasks:
    """What ``predict`` must know of the last layer."""

    in_units = False

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)


class TaskNetwork(nn.Module):
    """Answers K yes-or-no questions from one trunk: x (B, C) or (B, T, C) -> log-odds (B, K).

    Parameters
    ----------
    settings : TaskSettings
    """

    def __init__(self, settings: TaskSettings) -> None:
        super().__init__()
        self.settings, self.head = settings, _Tasks(settings.tasks)
        s = settings
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(s.seed)
            if s.encoder == "lstm":
                self.trunk: nn.Module = nn.LSTM(s.channels, s.hidden, s.layers, batch_first=True)
            else:
                parts: list[nn.Module] = []
                for k in range(s.layers):
                    parts += [nn.Linear(s.hidden if k else s.channels, s.hidden), nn.ReLU(), nn.Dropout(s.dropout)]
                self.trunk = nn.Sequential(*parts)
            self.dropout = nn.Dropout(s.dropout)
            self.heads = nn.Linear(s.hidden, len(s.tasks))

    def forward(self, batch: TaskBatch) -> Tensor:
        """Read a batch: log-odds (B, K)."""
        states = self.trunk(batch.x)  # (B, D); of an LSTM those of all steps, and the newest is taken
        states = self.dropout(states[0][:, -1]) if self.settings.encoder == "lstm" else states
        raw: Tensor = self.heads(states).float()
        return raw

    def loss_of(self, raw: Tensor, batch: TaskBatch) -> Tensor:
        """Average the loss over the known labels, by the tasks' weights."""
        s = self.settings
        cost = F.binary_cross_entropy_with_logits(raw, batch.y, reduction="none")
        if s.gamma:
            right = torch.exp(-cost)  # the chance that was given to what came
            cost = cost * (1 - right) ** s.gamma
        if s.positive_weight != 1.0:
            cost = cost * torch.where(batch.y > 0.5, s.positive_weight, 1.0)
        weight = self._task_weights(batch)
        return (torch.where(batch.known, cost, 0.0) * weight).sum() / self.weight(batch).clamp(min=1e-9)

    def weight(self, batch: TaskBatch) -> Tensor:
        """Count the known labels, by the tasks' weights."""
        return (batch.known * self._task_weights(batch)).sum()

    def _task_weights(self, batch: TaskBatch) -> Tensor:
        return torch.tensor(self.settings.task_weights or (1.0,) * len(self.settings.tasks), device=batch.y.device)

    @torch.no_grad()
    def predict(self, batch: TaskBatch) -> Tensor:
        """Give the chances (B, K)."""
        was = self.training
        self.eval()
        said = torch.sigmoid(self(batch))
        self.train(was)
        return said

    def chances(self, rows: TaskRows) -> np.ndarray:
        """Give the chances of all rows, (N, K)."""
        return torch.cat([self.predict(batch) for batch in rows.batches(8192)]).double().cpu().numpy()

    def check_windows(self, windows: Any, later: Any = None) -> None:
        """Refuse rows of other tasks, widths or ranks."""
        s = self.settings
        for rows in (windows, later):
            if rows is None:
                continue
            if not isinstance(rows, TaskRows):
                raise DataError("this network reads TaskRows", value=type(rows).__name__, remedy="TaskRows.make(x, …).")
            fits = rows.x.ndim == (3 if s.encoder == "lstm" else 2) and rows.x.shape[-1] == s.channels
            if not fits or rows.names != s.tasks:
                raise DataError(
                    "network and rows were not made for each other",
                    value=(tuple(rows.x.shape), rows.names),
                    remedy=f"this one, an {s.encoder}, has {s.channels} channels and the tasks {', '.join(s.tasks)}.",
                )

    def note_ranges(self, batches: Iterable[Any]) -> None:
        """Do nothing: chances have no range to note."""
