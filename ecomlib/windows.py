"""Cuts a panel into windows, gathered by index on the device as batches of tensors (lesson 01, section 5).

A panel is copied once into one contiguous tensor per kind: past covariates, covariates known ahead, static features,
text vectors, units. A window is then a row number, and a batch one advanced-indexing call a kind: no Python runs per
sample. What a window may see ends at its origin, but for columns that are known ahead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch

from ecomlib.errors import DataError, LeakageError, explained
from ecomlib.frames import require_panel
from ecomlib.panel import LAST_YEAR, check_panel, period_index, period_start
from ecomlib.periods import PERIODS_PER_YEAR, parse_date
from ecomlib.windowing import BATCH_SAYS, WindowSettings, gather

__all__ = ["Batch", "WindowSet", "split"]

_SETTINGS = "it is a setting: WindowSet.from_panel(panel, WindowSettings(look_back=26, horizon=4))."


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Hold B windows on one device, float32. What is padding, censored or missing is 0 where its mask is False.

    x (B, T, C) past covariates; seen (B, T) bool, the period exists and its units are known; f (B, H, C) covariates
    known ahead; z (B, S) static; e (B, E) text vector or None; y (B, H) units; target (B, H) the same, scaled;
    mask (B, H) bool, the units are known; scale (B, 1); index (B,) numbers of the windows in their set.
    """

    x: torch.Tensor
    seen: torch.Tensor
    f: torch.Tensor
    z: torch.Tensor
    e: torch.Tensor | None
    y: torch.Tensor
    target: torch.Tensor
    mask: torch.Tensor
    scale: torch.Tensor
    index: torch.Tensor


@explained("WindowSet.from_panel(panel, WindowSettings(look_back=26, horizon=4))")
@dataclass(frozen=True, eq=False, repr=False)
class WindowSet:
    """Hold the windows over one panel; make it with ``from_panel`` (lesson 01, section 5).

    N rows of the panel, n windows, J series. ``first`` (n,) is the row of each window's first target period; it may
    lie one past the series' end. ``begin``, ``stop`` (J,) bound each series' rows.

    Examples
    --------
    >>> weeks = pd.date_range("2024-01-01", periods=12, freq="7D")
    >>> panel = pd.DataFrame({"unique_id": "mug", "ds": weeks, "y": 2.0})
    >>> WindowSet.from_panel(panel, WindowSettings(look_back=4, horizon=2))
    <10 windows over 1 series (W-MON), look_back 4, horizon 2, origins 2024-01-01 to 2024-03-04>
    """

    settings: WindowSettings
    freq: str
    ids: np.ndarray  # (J,)
    levels: Mapping[str, tuple[str, ...]]
    past: torch.Tensor  # (N, C)
    future: torch.Tensor  # (N, C)
    static: torch.Tensor  # (J, S)
    text: torch.Tensor | None  # (P, E)
    text_row: torch.Tensor  # (J,)
    units: torch.Tensor  # (N,)
    known: torch.Tensor  # (N,) bool
    period: torch.Tensor  # (N,)
    begin: torch.Tensor
    stop: torch.Tensor
    first: torch.Tensor
    series: torch.Tensor

    def __repr__(self) -> str:
        size = f"look_back {self.settings.look_back}, horizon {self.settings.horizon}"
        series = f"{len(self):,} windows over {len(torch.unique(self.series)):,} series ({self.freq}), {size}"
        origins = self.origins()
        return f"<{series}, origins {origins[0]:%Y-%m-%d} to {origins[-1]:%Y-%m-%d}>" if len(self) else f"<{series}>"

    @classmethod
    @explained(
        "WindowSet.from_panel(panel, WindowSettings(look_back=26, horizon=4))",
        **dict.fromkeys(("look_back", "horizon", "past", "future", "static", "scale", "least_history"), _SETTINGS),
        **dict.fromkeys(("h", "input_size", "lookback", "window_size"), _SETTINGS),
        batch_size=BATCH_SAYS,
    )
    def from_panel(
        cls,
        panel: pd.DataFrame,
        settings: WindowSettings,
        text: Mapping[str, Any] | pd.DataFrame | None = None,
        *,
        text_key: str = "unique_id",
        levels: Mapping[str, tuple[str, ...]] | None = None,
        device: str | torch.device = "cpu",
    ) -> WindowSet:
        """Cut all windows of a panel whose horizon lies inside it and holds a known period.

        Rows with ``y`` missing are periods whose units are unknown: those after the origin of a forecast (append them
        with the columns known ahead), and censored ones. ``text`` holds one vector a value of ``text_key``: a mapping,
        or a frame whose index is that key; the vectors must have been known at the first origin. ``levels`` are
        those of another set, so that text in static columns gets the same places.

        Raises ``DataError`` for a missing column, an irregular panel, a covariate that is not a number, a static
        column that changes, or a series without text.
        """
        require_panel(panel, "unique_id", "ds", "y")
        if not isinstance(settings, WindowSettings):
            remedy = "write WindowSet.from_panel(panel, WindowSettings(look_back=26, horizon=4))."
            raise DataError("windows need their settings", value=type(settings).__name__, remedy=remedy)
        wanted = ["y", *settings.past, *settings.future, *settings.static]
        for column in [*wanted, *([text_key] if text is not None else [])]:
            if column not in panel.columns:
                raise DataError("the column is missing", table="panel", column=column, remedy="change the settings.")
        bounds, freq = check_panel(panel)
        year, later = PERIODS_PER_YEAR[freq], set(LAST_YEAR) & (set(settings.future) - set(settings.also_known))
        if later and settings.horizon >= year:
            raise LeakageError(
                f"'{min(later)}' is known {year - 1} periods ahead at frequency {freq}, and the horizon is "
                f"{settings.horizon}. What to do: take a shorter horizon, or leave it out of future."
            )
        begin, stop = bounds[:-1], bounds[1:]
        y = panel["y"].to_numpy(dtype=np.float32)
        known = np.isfinite(y)
        past = _matrix(panel, settings.past, known)
        future = _matrix(panel, settings.future, np.ones(len(panel), dtype=bool))
        heads = panel.iloc[begin]
        static, found = _static(panel, settings.static, bounds, levels)
        matrix, text_row = (None, np.zeros(len(begin), dtype=np.int64))
        if text is not None:
            matrix, text_row = _text(heads[text_key], text)
        period = period_index(panel["ds"], freq)
        series_of = np.repeat(np.arange(len(begin)), stop - begin)
        # Windows whose whole horizon lies inside the series and has a known period; row 0 has no history at all.
        row = np.arange(len(panel))
        ahead = np.concatenate([[0], np.cumsum(known)])
        fits = row + settings.horizon <= stop[series_of]
        some = ahead[np.minimum(row + settings.horizon, len(panel))] > ahead[row]
        first = row[fits & some & (row - begin[series_of] >= settings.least_history)]

        def put(array: np.ndarray) -> torch.Tensor:
            return torch.from_numpy(np.ascontiguousarray(array)).to(device)

        return cls(
            settings,
            freq,
            heads["unique_id"].to_numpy(),
            found,
            put(past),
            put(future),
            put(static),
            None if matrix is None else put(matrix),
            put(text_row),
            put(np.nan_to_num(y)),
            put(known),
            put(period),
            put(begin),
            put(stop),
            put(first),
            put(series_of[first]),
        )

    def __len__(self) -> int:
        return len(self.first)

    @property
    def device(self) -> torch.device:
        """Say where the tensors lie."""
        return self.units.device

    def to(self, device: str | torch.device) -> WindowSet:
        """Move all tensors to another device."""
        tensors = {name: value for name, value in vars(self).items() if isinstance(value, torch.Tensor)}
        moved: dict[str, Any] = {name: value.to(device) for name, value in tensors.items()}
        return replace(self, **moved)

    def origin(self) -> torch.Tensor:
        """Number the period of each window's origin, the last period known, shape (n,)."""
        return self.period[self.begin[self.series]] + self.first - self.begin[self.series] - 1

    def origins(self) -> pd.DatetimeIndex:
        """List the distinct origins of these windows, in order."""
        return pd.DatetimeIndex(period_start(torch.unique(self.origin()).cpu().numpy(), self.freq))

    def take(self, choice: torch.Tensor) -> WindowSet:
        """Take the windows with these numbers, or those where a mask (n,) is true."""
        return replace(self, first=self.first[choice], series=self.series[choice])

    def between(self, first: Any = None, last: Any = None) -> WindowSet:
        """Take the windows with first <= origin <= last."""
        origin = self.origin()
        keep = torch.ones_like(origin, dtype=torch.bool)
        if first is not None:
            keep &= origin >= int(period_index(parse_date(first, "first"), self.freq))
        if last is not None:
            keep &= origin <= int(period_index(parse_date(last, "last"), self.freq))
        return self.take(keep)

    def at(self, cutoff: Any) -> WindowSet:
        """Take one window a series with this origin, known or not what came after: for forecasting.

        A series needs ``least_history`` periods up to the cutoff. Without covariates known ahead, the panel may end at
        the cutoff; with them it must hold the rows of the horizon.
        """
        lag = int(period_index(parse_date(cutoff, "cutoff"), self.freq)) + 1 - self.period[self.begin]
        length = self.stop - self.begin
        keep = (lag >= self.settings.least_history) & (lag >= 0) & (lag <= length)
        short = keep & (lag + self.settings.horizon > length)
        if self.settings.future and bool(short.any()):
            raise DataError(
                "the panel ends before the horizon does, and the settings use columns known ahead",
                table="panel",
                column="ds",
                value=str(self.ids[int(short.nonzero()[0])]),
                remedy="append those rows with y missing (ahead= of make_panel).",
            )
        series = keep.nonzero().squeeze(1)
        return replace(self, first=self.begin[series] + lag[series], series=series)

    def split(self, train_end: Any, valid_periods: int, embargo: int = 0) -> tuple[WindowSet, WindowSet]:
        """Split into windows to train on, up to ``train_end``, and to validate on, in the periods after an embargo.

        No period is a target of both; ``embargo`` periods between them are a target of neither.

        Raises
        ------
        DataError
            Periods for a whole horizon are asked for after ``train_end``, and no window lies in them.
        """
        end = int(period_index(parse_date(train_end, "train_end"), self.freq))
        first, last = self.origin() + 1, self.origin() + self.settings.horizon
        inside = (first > end + embargo) & (last <= end + embargo + valid_periods)
        if valid_periods >= self.settings.horizon and not bool(inside.any()):
            newest = f"{period_start(int(last.max()), self.freq).astype('datetime64[D]')}" if len(self) else "none"
            raise DataError(
                f"no window's {self.settings.horizon} periods lie in the {valid_periods} after train_end and embargo; "
                f"the newest period of any window is {newest}",
                value=str(train_end)[:10],
                remedy="end training earlier, or take more valid_periods: at least the horizon.",
            )
        return self.take(last <= end), self.take(inside)

    def batch(self, index: torch.Tensor) -> Batch:
        """Gather the windows with these numbers (B,) at once."""
        index = index.to(self.device)
        first, series = self.first[index], self.series[index]
        cut = gather(self.settings, self, first, series)
        text = None if self.text is None else self.text[self.text_row[series]]
        return Batch(cut.x, cut.seen, cut.f, cut.z, text, cut.y, cut.target, cut.mask, cut.scale, index)

    def batches(
        self,
        size: int,
        generator: np.random.Generator | torch.Generator | None = None,
        device: str | torch.device | None = None,
    ) -> Iterator[Batch]:
        """Give every window once, ``size`` at a time; shuffled by ``generator``, in order without one."""
        here = self if device is None or torch.device(device) == self.device else self.to(device)
        n = len(self)
        if generator is None:
            order = torch.arange(n)
        elif isinstance(generator, torch.Generator):
            order = torch.randperm(n, generator=generator, device=generator.device)
        else:
            order = torch.from_numpy(generator.permutation(n))
        order = order.to(here.device)
        for start in range(0, n, size):
            yield here.batch(order[start : start + size])

    def to_units(self, values: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Turn forecasts (B, H, K) on these windows' scale into units."""
        return self.settings.units(values, batch.scale.unsqueeze(-1))

    def frame(self) -> pd.DataFrame:
        """List ``unique_id, ds, cutoff, y`` of every window's horizon, H rows a window; unknown ``y`` is NaN."""
        h = self.settings.horizon
        origin = self.origin().cpu().numpy()
        series, first = self.series.cpu().numpy(), self.first.cpu().numpy()
        rows = first[:, None] + np.arange(h)
        last = self.stop.cpu().numpy()[series][:, None] - 1
        taken = np.minimum(rows, last)
        mask = (rows <= last) & self.known.cpu().numpy()[taken]
        y = np.where(mask, self.units.cpu().numpy()[taken].astype(float), np.nan)
        return pd.DataFrame(
            {
                "unique_id": np.repeat(self.ids[series], h),
                "ds": period_start((origin[:, None] + 1 + np.arange(h)).ravel(), self.freq),
                "cutoff": np.repeat(period_start(origin, self.freq), h),
                "y": y.ravel(),
            }
        )


@explained(
    test_size='say when training ends, and how many periods come after it: split(panel, "2024-06-03", 8).',
    shuffle="time is never shuffled: what comes later would teach what came before.",
)
def split(
    panel: pd.DataFrame, train_end: Any, valid_periods: int, embargo: int = 0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split a panel's rows: up to ``train_end``, and the ``valid_periods`` after the embargo (lesson 01, section 5).

    ``embargo`` periods between the parts belong to neither: as many as a label looks ahead, less one.
    """
    _, freq = check_panel(panel)
    period = period_index(panel["ds"], freq)
    end = int(period_index(parse_date(train_end, "train_end"), freq))
    if valid_periods and not (period > end + embargo).any():
        raise DataError(
            "no row lies after train_end and embargo",
            table="panel",
            column="ds",
            value=str(train_end)[:10],
            remedy=f"the panel ends at {panel['ds'].max():%Y-%m-%d}: end training earlier.",
        )
    return panel[period <= end], panel[(period > end + embargo) & (period <= end + embargo + valid_periods)]


def _matrix(panel: pd.DataFrame, columns: tuple[str, ...], needed: np.ndarray) -> np.ndarray:
    """Columns as float32 (N, C); every needed row must hold a number, the others become 0."""
    taken = np.zeros((len(panel), len(columns)), dtype=np.float32)
    for k, column in enumerate(columns):
        taken[:, k] = panel[column].to_numpy(dtype=np.float32, na_value=np.nan)
        bad = np.flatnonzero(needed & ~np.isfinite(taken[:, k]))
        if bad.size:
            raise DataError(
                f"{bad.size} values are missing or infinite",
                table="panel",
                column=column,
                rows=list(bad[:6] + 1),
                remedy="fill them with something known at that time.",
            )
    return np.nan_to_num(taken, posinf=0, neginf=0)


def _static(
    panel: pd.DataFrame, columns: tuple[str, ...], bounds: np.ndarray, levels: Mapping[str, tuple[str, ...]] | None
) -> tuple[np.ndarray, dict[str, tuple[str, ...]]]:
    heads, length = panel.iloc[bounds[:-1]], np.diff(bounds)
    parts: list[np.ndarray] = [np.zeros((len(heads), 0), dtype=np.float32)]
    found: dict[str, tuple[str, ...]] = {}
    for column in columns:
        value = heads[column].to_numpy()
        changes = np.flatnonzero(panel[column].to_numpy() != np.repeat(value, length))
        if changes.size:
            raise DataError(
                "a static column changes within a series, or is empty",
                table="panel",
                column=column,
                rows=list(changes[:6] + 1),
                remedy="put it in past, or in future.",
            )
        if pd.api.types.is_numeric_dtype(heads[column]):
            parts.append(value.astype(np.float32)[:, None])
            continue
        found[column] = tuple(sorted({str(v) for v in value})) if levels is None else levels[column]
        parts.append((value.astype(str)[:, None] == np.array(found[column])[None, :]).astype(np.float32))
    return np.concatenate(parts, axis=1), found


def _text(keys: pd.Series, text: Mapping[str, Any] | pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """One row a key (P, E) float32, and the row of each series (J,)."""
    code, names = pd.factorize(keys)
    have = text.index if isinstance(text, pd.DataFrame) else text.keys()
    missing = [name for name in names if name not in have]
    if missing or (code < 0).any():
        raise DataError(
            f"{len(missing)} series have no text vector",
            table="text",
            value=next(iter(missing), None),
            remedy="encode its title, or leave the series out.",
        )
    if isinstance(text, pd.DataFrame):
        matrix = text.loc[list(names)].to_numpy(dtype=np.float32)
    else:
        matrix = np.stack([np.asarray(text[name], dtype=np.float32) for name in names])
    return matrix, code.astype(np.int64)
