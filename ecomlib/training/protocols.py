"""Defines what the training loop needs of a network and of its windows; series and maps are trained by one loop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol, Self

import pandas as pd
import torch
from torch import Tensor, nn


class Windows(Protocol):
    """Numbered windows, resident on a device: `ecomlib.windows.WindowSet`, and what is cut from maps.

    A class of this kind is a dataclass; its tensors and its `settings` are what a checkpoint is recognised by.
    """

    @property
    def settings(self) -> Any:
        """How they were cut, as a frozen dataclass."""

    @property
    def device(self) -> torch.device:
        """Where the tensors lie."""

    def __len__(self) -> int: ...

    def to(self, device: torch.device) -> Self:
        """The same windows on another device."""

    def batch(self, index: Tensor) -> Any:
        """The windows with these numbers (B,), gathered on the device without asking it for a number."""

    def batches(self, size: int) -> Iterator[Any]:
        """Every window once, in order, `size` at a time."""

    def to_units(self, values: Tensor, batch: Any) -> Tensor:
        """What a network forecasts for a batch, (B, ..., K) on the scale of the windows, in units."""

    def frame(self) -> pd.DataFrame:
        """`unique_id, ds, cutoff, y`: a row for each forecast of each window, in the order of (B, ...) flattened."""


class TaskHead(Protocol):
    """What `predict` must know of the last layer."""

    @property
    def names(self) -> tuple[str, ...]:
        """The columns of a forecast, K of them."""

    @property
    def in_units(self) -> bool:
        """Whether the forecast is an amount, which scaling has changed; a probability is none."""


class Trainable(Protocol):
    """A network that the loop trains: a `torch.nn.Module` with what is named here, such as `ecomlib.models.Network`."""

    settings: Any
    head: Any  # a TaskHead

    def __call__(self, batch: Any) -> Tensor:
        """A batch -> the raw parameters of the forecast."""

    def loss_of(self, raw: Tensor, batch: Any) -> Tensor:
        """The mean loss of a batch's raw parameters: a scalar."""

    def weight(self, batch: Any) -> Tensor:
        """What `loss_of` is a mean over, as a scalar: the number of counted cells, or their total exposure."""

    def predict(self, batch: Any) -> Tensor:
        """Forecasts (B, ..., K) on the windows' scale, without gradient and dropout."""

    def check_windows(self, windows: Any, later: Any = None) -> None:
        """Raise `DataError` where network and windows were not made for each other; `later` are those to validate with.

        Where windows of one day hold all series, `later` must not begin before the targets of `windows` end.
        """

    def note_ranges(self, batches: Iterable[Any]) -> None:
        """Note before training what its windows show; most networks have no use for it."""

    def train(self, mode: bool = True) -> Any: ...

    def eval(self) -> Any: ...

    def to(self, device: Any) -> Any: ...

    def parameters(self, recurse: bool = True) -> Iterator[nn.Parameter]: ...

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> Any: ...
