"""Cuts windows out of flat tables: the same lines for training on tensors and for a service without torch.

A model whose inputs differ between training and service is wrong without anyone noticing. So what a window holds, how
it is scaled and how it is cut is written here once. ``windows.WindowSet`` cuts from tensors on a device, the service
from its sales history in numpy, and trees read either (lesson 01, section 5; lesson 08, section 2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd

from ecomlib.errors import DataError, LeakageError, explained
from ecomlib.panel import KNOWN_AHEAD

__all__ = ["Cut", "Tables", "WindowSettings", "gather", "tree_table"]

Scale = Literal["none", "mean_abs", "log1p_mean", "log1p_shift"]
Array = Any  # a numpy array, or a torch tensor on any device


BATCH_SAYS = "windows.batches(size) cuts them into batches, and TrainSettings(batch=…) says how large these are."


@explained(
    batch_size=BATCH_SAYS,
    freq="the panel knows its frequency: leave it out.",
    lags="each window holds the past; lags are features for trees: lags(panel).",
)
@dataclass(frozen=True)
class WindowSettings:
    """Say what a window holds (lesson 01, section 5).

    Parameters
    ----------
    look_back : int
        T, periods up to the origin.
    horizon : int
        H, periods after it.
    past : tuple of str
        Columns of ``x``, known when their period is over.
    future : tuple of str
        Columns of ``f``, which must be known ahead (``panel.KNOWN_AHEAD``, or listed in ``also_known`` if you are sure
        that it is).
    static : tuple of str
        Columns that do not change within a series; text in them becomes one 0/1 column a value.
    in_units : tuple of str
        Those of past and future that are in units and take the window's scale, as ``y`` does.
    scale : {"none", "mean_abs", "log1p_mean", "log1p_shift"}
        "mean_abs" divides units by their mean in the look-back; "log1p_mean" divides log(1 + units) by its mean there;
        "log1p_shift", the default, subtracts that mean and forecast best on both stores.
    least_scale : float
        The divisor is at least this.
    least_history : int
        Known periods that a window must have before its horizon; the rest of T is padding.
    also_known : tuple of str
        Columns of ``future`` for which the user vouches.

    Examples
    --------
    >>> WindowSettings(look_back=8, horizon=2).past
    ('y',)
    """

    look_back: int = 26
    horizon: int = 4
    past: tuple[str, ...] = ("y",)
    future: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    in_units: tuple[str, ...] = ("y", "last_year_before", "last_year", "last_year_after")
    scale: Scale = "log1p_shift"
    least_scale: float = 0.1
    least_history: int = 1
    also_known: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        counts = (self.look_back, self.horizon)
        if not all(isinstance(count, int | np.integer) and count >= 1 for count in counts):
            remedy = "write WindowSettings(look_back=26, horizon=4)."
            raise DataError("look_back and horizon count periods and are at least 1", value=counts, remedy=remedy)
        for name in ("past", "future", "static", "in_units", "also_known"):
            if isinstance(getattr(self, name), str):
                remedy = f'write {name}=("{getattr(self, name)}",).'
                raise DataError(f"{name} is a tuple of columns", value=getattr(self, name), remedy=remedy)
        if self.scale not in ("none", "mean_abs", "log1p_mean", "log1p_shift"):
            raise DataError("unknown scale", value=self.scale, remedy="use none, mean_abs, log1p_mean or log1p_shift.")
        for column in self.future:
            if column not in KNOWN_AHEAD + self.also_known:
                raise LeakageError(
                    f"the column '{column}' is not known ahead of time, so it cannot be in future. What to do: move it "
                    "to past, or list it in also_known if your shop does know it."
                )

    def scaled(self, units: Array, scale: Array) -> Array:
        """Scale units to what the model sees.

        Parameters
        ----------
        units : array or tensor
            (B, …).
        scale : array or tensor
            (B, 1), which broadcasts over the last axis.

        Returns
        -------
        array or tensor
            Like ``units``.
        """
        if self.scale == "none":
            return units
        if self.scale == "mean_abs":
            return units / scale
        library = _library(units)
        logs = library.log1p(library.clip(units, 0, None))
        return logs / scale if self.scale == "log1p_mean" else logs - scale

    def units(self, scaled: Array, scale: Array) -> Array:
        """Turn scaled numbers back into units: the inverse of ``scaled``.

        Parameters
        ----------
        scaled : array or tensor
            (B, …).
        scale : array or tensor
            (B, 1).

        Returns
        -------
        array or tensor
            Like ``scaled``.
        """
        if self.scale == "none":
            return scaled
        if self.scale == "mean_abs":
            return scaled * scale
        return _library(scaled).expm1(scaled * scale if self.scale == "log1p_mean" else scaled + scale)

    def scale_of(self, units: Array, known: Array) -> Array:
        """Compute a window's scale from its look-back: nothing after the origin.

        Parameters
        ----------
        units : array or tensor
            (B, T).
        known : array or tensor
            (B, T), which of them count.

        Returns
        -------
        array or tensor
            (B, 1).
        """
        library = _library(units)
        if self.scale == "none":
            return library.ones_like(units[:, :1])
        value = abs(units) if self.scale == "mean_abs" else library.log1p(library.clip(units, 0, None))
        count = library.clip(known.sum(1, dtype=value.dtype), 1, None)
        mean = ((value * known).sum(1) / count)[:, None]
        return mean if self.scale == "log1p_shift" else library.clip(mean, self.least_scale, None)


class Tables(Protocol):
    """Hold what windows are cut out of: one row a period, the series one after another, J series in N rows.

    ``begin``, ``stop`` (J,) bound each series' rows. ``past``, ``future`` (N, C), ``units``, ``known`` (N,) and
    ``static`` (J, S) are arrays or tensors of one device, or anything that gives such for an array of numbers in
    brackets: a dense matrix of series by periods, say, read at the place that a row stands for.
    """

    @property
    def begin(self) -> Array:
        """Return the first row of each series (J,)."""

    @property
    def stop(self) -> Array:
        """Return the row after the last of each series (J,)."""

    @property
    def past(self) -> Any:
        """Return the past columns (N, C)."""

    @property
    def future(self) -> Any:
        """Return the columns known ahead (N, C)."""

    @property
    def static(self) -> Any:
        """Return the static columns (J, S)."""

    @property
    def units(self) -> Any:
        """Return the units (N,)."""

    @property
    def known(self) -> Any:
        """Return whether the units are known (N,)."""


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """Hold B windows, float32; what is padding, censored or missing is 0 where its mask is False.

    x (B, T, C) past covariates; seen (B, T) bool, the period exists and its units are known; f (B, H, C) covariates
    known ahead; z (B, S) static; y (B, H) units; target (B, H) the same, scaled; mask (B, H) bool, the units are known;
    scale (B, 1).
    """

    x: Array
    seen: Array
    f: Array
    z: Array
    y: Array
    target: Array
    mask: Array
    scale: Array


def gather(settings: WindowSettings, tables: Tables, first: Array, series: Array) -> Cut:
    """Cut the windows whose horizons begin in the rows ``first`` (B,) of these ``series`` (B,), all at once.

    Parameters
    ----------
    settings : WindowSettings
    tables : Tables
    first : array or tensor of int
        The row of each window's first target period; it may lie one past the series' end.
    series : array or tensor of int
        The series that it belongs to.

    Returns
    -------
    Cut
        Arrays where ``first`` is one, tensors on its device where it is a tensor.
    """
    library = _library(first)
    begin, last = tables.begin[series][:, None], tables.stop[series][:, None] - 1
    rows = first[:, None] + library.arange(-settings.look_back, 0, device=first.device)
    inside = rows >= begin
    rows = library.clip(rows, 0, None)
    seen = inside & tables.known[rows]
    scale = settings.scale_of(tables.units[rows] * seen, seen)
    ahead = first[:, None] + library.arange(settings.horizon, device=first.device)
    exists = ahead <= last
    ahead = library.minimum(ahead, last)
    mask = exists & tables.known[ahead]
    y = tables.units[ahead] * mask
    return Cut(
        _covariates(settings, tables.past[rows], settings.past, scale) * seen[..., None],
        seen,
        _covariates(settings, tables.future[ahead], settings.future, scale) * exists[..., None],
        tables.static[series],
        y,
        settings.scaled(y, scale) * mask,
        mask,
        scale,
    )


def _covariates(settings: WindowSettings, taken: Array, names: tuple[str, ...], scale: Array) -> Array:
    for k, name in enumerate(names):  # a list of columns as index would be copied to the device: a wait each batch
        if name in settings.in_units:
            taken[..., k] = settings.scaled(taken[..., k], scale)
    return taken


def _library(array: Array) -> Any:
    """The library whose array this is: numpy, or torch; what is called here bears the same name in both."""
    if isinstance(array, np.ndarray):
        return np
    import torch

    return torch


def tree_table(settings: WindowSettings, cut: Cut, last: int = 8) -> pd.DataFrame:
    """Tabulate windows for trees, one row a window and step of its horizon (lesson 07, section 1).

    Parameters
    ----------
    settings : WindowSettings
        It names ``y`` among the past columns.
    cut : Cut
        Of numpy arrays.
    last : int
        How many of the newest units stand in columns of their own.

    Returns
    -------
    DataFrame
        ``level`` (the window's scale) and ``history`` (known periods in the look-back); ``y -1`` to ``y -last``,
        scaled, and ``y mean 4``, ``y mean 8``, ``y mean T``; the other past columns of the last two periods, as
        ``price -1``; columns known ahead by their names, at that step; ``static 0`` and so on; ``step`` from 1.
        Periods that are missing or censored are NaN.

    Raises
    ------
    DataError
        The windows hold no past units.

    Notes
    -----
    What comes from the past is rounded to five decimals. Numbers that are equal by construction (under "log1p_shift"
    the mean of all known periods is always zero) differ in the last bits with the library that adds them up, and trees
    split even there: on nothing, and otherwise on another machine.
    """
    if "y" not in settings.past:
        raise DataError("the windows hold no past units", column="y", remedy="name y in past of the WindowSettings.")
    own = pd.DataFrame(np.where(cut.seen, cut.x[..., settings.past.index("y")], np.nan))
    columns: dict[str, Any] = {"level": cut.scale[:, 0], "history": cut.seen.sum(axis=1)}
    columns |= {f"y -{k}": own.iloc[:, -k] for k in range(1, min(last, settings.look_back) + 1)}
    spans = sorted({min(span, settings.look_back) for span in (4, 8, settings.look_back)})
    columns |= {f"y mean {span}": own.iloc[:, -span:].mean(axis=1) for span in spans}
    for place, name in enumerate(settings.past):
        if name != "y":
            columns |= {f"{name} -{k}": cut.x[:, -k, place] for k in (1, 2)}
    columns |= {f"static {k}": cut.z[:, k] for k in range(cut.z.shape[1])}
    table = pd.DataFrame(columns).round(5)
    table = table.loc[table.index.repeat(settings.horizon)].reset_index(drop=True)
    known = {name: cut.f[:, :, place].ravel() for place, name in enumerate(settings.future)}
    return table.assign(**known, step=np.tile(np.arange(1, settings.horizon + 1), len(cut.x)))
