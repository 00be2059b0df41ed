"""Gives all lessons one visual identity, and draws the figures that two lessons share.

Functions take an Axes (or make one) and return it. Colours come from Okabe and Ito's palette (2008), which colour-blind
readers can tell apart; every series also differs by marker, line style or hatch, so that a grey print still reads.
Import this module, then ``plt.style.use(plots.STYLE)``.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter
from numpy.typing import ArrayLike

from ecomlib.contract.frame import find_interval, interval_levels, model_columns, quantile_columns
from ecomlib.errors import DataError, explained
from ecomlib.frames import require_panel, require_same_kind, require_scored

_FAN = 'plots.fan(panel, fitted.forecast(), series="…")'
INK, SOFT, FAINT = "#22303C", "#6B7885", "#D9DEE3"
BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, YELLOW = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
    "#F0E442",
)

# What a colour means, the same in every lesson.
ROLES: dict[str, str] = {
    "actual": INK,
    "model": BLUE,
    "naive": SOFT,
    "peer": ORANGE,
    "network": BLUE,
    "ensemble": GREEN,
    "floor": VERMILION,
    "loss": VERMILION,
    "gain": GREEN,
}
MARKERS: dict[str, str] = {"naive": "s", "peer": "D", "network": "o", "ensemble": "^", "model": "o"}

STYLE: dict[str, Any] = {
    "figure.dpi": 80,
    "figure.figsize": (7.5, 4.2),
    "figure.constrained_layout.use": True,
    "font.size": 11,
    "axes.titlesize": 12.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.labelcolor": INK,
    "axes.edgecolor": SOFT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.prop_cycle": plt.cycler(color=[BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, SOFT]),
    "grid.color": FAINT,
    "grid.linewidth": 0.7,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "legend.frameon": False,
    "lines.linewidth": 1.9,
    "image.cmap": "viridis",
}


def _axes(ax: Axes | None, figsize: tuple[float, float] | None = None) -> Axes:
    return plt.subplots(figsize=figsize)[1] if ax is None else ax


def thousands(axis: Any) -> None:
    """Write the axis' numbers with thousands separators."""
    axis.set_major_formatter(
        FuncFormatter(lambda value, _: f"{value:,.0f}" if abs(value) >= 1 or value == 0 else f"{value:g}")
    )


def dates(ax: Axes) -> None:
    """Short, unambiguous dates on the horizontal axis."""
    locator = mdates.AutoDateLocator(minticks=3, maxticks=7)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(mdates.ConciseDateFormatter(locator))


def region_map(
    regions: pd.DataFrame,
    values: Mapping[str, float],
    *,
    ax: Axes | None = None,
    title: str = "",
    unit: str = "units",
    limits: tuple[float, float] | None = None,
    names: bool = True,
    colorbar: bool = True,
) -> Axes:
    """A value for each region: coloured squares on a row-and-column map, discs on a map of latitude and longitude.

    Parameters
    ----------
    regions: ``region_id, name`` and either ``row, column`` or ``latitude, longitude`` (degrees).
    values: one number a region, by ``region_id``; a region without one is left white.
    limits: lowest and highest colour, so that maps side by side can be compared.
    """
    ax = _axes(ax, (5.6, 4.6))
    shown = np.array([values.get(region, np.nan) for region in regions["region_id"]], dtype=float)
    known = shown[np.isfinite(shown)]
    low, high = limits or ((float(known.min()), float(known.max())) if known.size else (0.0, 1.0))
    grid = {"row", "column"} <= set(regions.columns) and regions["row"].notna().all()
    if grid:
        rows, columns = regions["row"].to_numpy(int), regions["column"].to_numpy(int)
        image = np.full((rows.max() + 1, columns.max() + 1), np.nan)
        image[rows, columns] = shown
        drawn: Any = ax.imshow(image, vmin=low, vmax=high)
        size = 10 if image.shape[1] <= 4 else 7
        for row, column, name, value in zip(rows, columns, regions["name"], shown, strict=True):
            if not names or not np.isfinite(value):
                continue
            light = value > low + 0.6 * (high - low)
            colour = INK if light else "white"
            ax.text(
                column,
                row,
                f"{name}\n{value:,.0f}" if abs(value) >= 10 else f"{name}\n{value:,.2f}",
                ha="center",
                va="center",
                fontsize=size,
                color=colour,
            )
        ax.set_xticks([])
        ax.set_yticks([])
        ax.set_xlabel("west → east")
        ax.set_ylabel("south → north")
    else:
        share = np.sqrt(np.nan_to_num(shown) / max(high, 1e-12))
        drawn = ax.scatter(
            regions["longitude"],
            regions["latitude"],
            c=shown,
            s=30 + 600 * share,
            vmin=low,
            vmax=high,
            edgecolors=INK,
            alpha=0.85,
        )
        largest: Any = np.argsort(-np.nan_to_num(shown))[:8] if names else []
        for index in largest:
            row = regions.iloc[int(index)]
            ax.annotate(
                str(row["name"]),
                (row["longitude"], row["latitude"]),
                xytext=(6, 6),
                textcoords="offset points",
                fontsize=8,
            )
        ax.margins(0.15)
        ax.set_xlabel("longitude (degrees)")
        ax.set_ylabel("latitude (degrees)")
    ax.grid(not grid)
    for spine in ax.spines.values():
        spine.set_visible(not grid)
    if colorbar:
        bar = ax.figure.colorbar(drawn, ax=ax, shrink=0.8)
        bar.set_label(unit)
        bar.outline.set_visible(False)
    ax.set_title(title)
    return ax


@explained(_FAN)
def fan(
    history: pd.DataFrame,
    forecast: pd.DataFrame,
    series: str | None = None,
    model: str | None = None,
    levels: float | Sequence[float] | None = None,
    *,
    periods: int = 26,
    naive: str | None = None,
    ax: Axes | None = None,
    title: str = "",
    unit: str = "units a week",
    legend: bool = True,
) -> Axes:
    """Draw what was sold, what was forecast, and how unsure the forecast was, as a fan.

    Parameters
    ----------
    history : DataFrame
        A panel, ``unique_id, ds, y``; rows after the forecast's origin are not drawn.
    forecast : DataFrame
        A forecast frame; where it holds ``y``, what came is drawn too. Of several origins the last is drawn.
    series : str, optional
        Whose: the ``unique_id``. Frames of one series need none, nor the column.
    model : str, optional
        The column to draw; the only model of the frame unless given.
    levels : float or sequence of float, optional
        Levels of the intervals, in per cent; all that the frame holds unless given, as ends or as pairs of quantiles.
    periods : int
        Periods of the history to draw.
    naive : str, optional
        A column to draw beside it.

    Raises
    ------
    DataError
        More than one series or model, and none named; or one that the frame does not hold.
    """
    forecast = _one_series(forecast, series, history)
    require_panel(history, "ds", "y")
    require_scored(forecast, keys=("ds",))
    whose = series or (forecast["unique_id"].iloc[0] if "unique_id" in forecast.columns else None)
    history = _one_series(history, whose, history)
    if "cutoff" in forecast.columns:
        require_same_kind(forecast, history.assign(cutoff=history["ds"]), ["cutoff"], "the history")
        forecast = forecast[forecast["cutoff"] == forecast["cutoff"].max()]
        history = history[history["ds"] <= forecast["cutoff"].iloc[0]]
    history = history.tail(periods)
    model = _one_model(forecast, model)
    ax = _axes(ax)
    joined = pd.concat([history[["ds", "y"]].tail(1), forecast.reindex(columns=["ds", "y"])])
    for shade, level in enumerate(_levels(forecast, model, levels)):
        low, high = (forecast[end].where(np.isfinite(forecast[end])) for end in find_interval(forecast, model, level))
        shown: dict[str, Any] = {"color": BLUE, "alpha": 0.15 + 0.15 * shade, "lw": 0, "label": f"{level:g} %"}
        ax.fill_between(forecast["ds"], low, high, **shown)
    ink: dict[str, Any] = {"color": INK, "lw": 1.5}
    ax.plot(history["ds"], history["y"], label="sold", **ink)
    if "y" in forecast.columns:
        dots: dict[str, Any] = {"ls": ":", "marker": "o", "ms": 4, "markevery": slice(1, None)}
        ax.plot(joined["ds"], joined["y"], label="what came", **ink, **dots)
    if naive:
        ax.plot(forecast["ds"], forecast[naive], color=SOFT, ls="--", marker="s", ms=4, label="naive")
    ax.plot(forecast["ds"], forecast[model], color=BLUE, marker="D", ms=4.5, label="forecast")
    ax.axvline(history["ds"].iloc[-1], color=SOFT, lw=1, ls=(0, (2, 2)))
    ax.set_ylim(bottom=0)
    ax.set_ylabel(unit)
    thousands(ax.yaxis)
    dates(ax)
    if legend:
        ax.legend(loc="upper left", ncols=2, fontsize=9)
    ax.set_title(title)
    return ax


def end_labels(ax: Axes, ends: Mapping[str, tuple[Any, float, str]]) -> None:
    """Write the names of lines at the right edge, a line of text apart, each joined to the end of its line.

    Parameters
    ----------
    ends : mapping
        For each name where its line ends, x and y, and its colour.
    """
    place, step = -np.inf, 0.055 * float(np.ptp(ax.get_ylim()))
    for name, (x, y, colour) in sorted(ends.items(), key=lambda end: end[1][1]):
        place = max(y, place + step)
        hair: dict[str, Any] = {"arrowstyle": "-", "color": colour, "lw": 0.5, "relpos": (0, 0.5)}
        ax.annotate(
            name,
            (x, y),
            xytext=(1.02, place),
            textcoords=("axes fraction", "data"),
            color=colour,
            fontsize=9,
            va="center",
            arrowprops=hair,
        )


def _one_series(frame: pd.DataFrame, series: str | None, history: pd.DataFrame) -> pd.DataFrame:
    """The rows of one series by date; of several, one must be named."""
    if not isinstance(frame, pd.DataFrame) or "ds" not in frame or "y" not in getattr(history, "columns", ()):
        raise DataError(
            "a fan takes a panel and a forecast frame",
            value=type(frame).__name__ if not isinstance(frame, pd.DataFrame) else list(frame.columns)[:6],
            remedy=f"write {_FAN}.",
        )
    if "unique_id" not in frame.columns:
        return frame.sort_values("ds")
    found = frame["unique_id"].unique()
    if series is not None and series not in list(found):
        near = difflib.get_close_matches(str(series), map(str, found), n=3, cutoff=0.5) or found[:3]
        raise DataError(
            "there is no such series",
            column="unique_id",
            value=series,
            remedy=f"name one of {', '.join(map(str, near))}.",
        )
    if series is None and len(found) > 1:
        sold = history[history["unique_id"].isin(found)] if "unique_id" in history.columns else frame.assign(y=0.0)
        known = sold.groupby("unique_id", observed=True)["y"].sum().nlargest(3).index
        raise DataError(
            f"a fan shows one series, and there are {len(found)}",
            column="unique_id",
            remedy=f'name it: series="{known[0]}". The most sold are {", ".join(map(str, known))}.',
        )
    return frame[frame["unique_id"] == (found[0] if series is None else series)].sort_values("ds")


def _one_model(frame: pd.DataFrame, model: str | None) -> str:
    if model is not None and model in frame.columns:
        return model
    found = model_columns(frame)
    if model is None and len(found) == 1:
        return found[0]
    raise DataError(
        "there is no such model in the forecast" if model else f"a fan shows one model, and there are {len(found)}",
        column=model,
        remedy=f"name one: model={' or '.join(repr(name) for name in found[:5])}.",
    )


def _levels(frame: pd.DataFrame, model: str, levels: float | Sequence[float] | None) -> list[float]:
    """The levels to draw, widest first."""
    if levels is None:
        shares = quantile_columns(frame, model)
        pairs = {round(100 - 200 * share, 9) for share in shares if share < 0.5 and round(1 - share, 9) in shares}
        return sorted({*interval_levels(frame, model), *pairs}, reverse=True)
    return sorted([levels] if isinstance(levels, int | float) else levels, reverse=True)


def leaderboard(
    table: pd.DataFrame,
    metric: str = "wape",
    *,
    ax: Axes | None = None,
    title: str = "",
    floor: float | None = None,
    omniscient: float | None = None,
    label: str | None = None,
) -> Axes:
    """One dot a model, best on top, with its interval, value and bias; floors as vertical lines.

    Parameters
    ----------
    table: ``model``, ``metric``, perhaps ``kind`` (naive, peer, network, ensemble), ``low, high`` (95 % interval) and
        ``bias`` (a share, as ``evaluation.score_intervals`` gives it), which is written beside the value.
    floor, omniscient: the attainable and the omniscient floor in units of ``metric`` (simulated store only).
    """
    for column in ("model", metric):
        if column not in table.columns:
            raise DataError(
                "a leaderboard has a row a model and its score",
                column=column,
                remedy='score the table of a backtest first: leaderboard(score_intervals(table, rng=…), "value").',
            )
    table = table.sort_values(metric, ascending=False, ignore_index=True)
    ax = _axes(ax, (7.5, 1.2 + 0.38 * len(table)))
    kinds = table["kind"] if "kind" in table.columns else pd.Series("model", index=table.index)
    right = float(table["high"].max() if "high" in table.columns else table[metric].max())
    for position, (row, kind) in enumerate(zip(table.to_dict("records"), kinds, strict=True)):
        colour = ROLES.get(kind, BLUE)
        if {"low", "high"} <= set(table.columns):
            ax.plot(
                [row["low"], row["high"]], [position, position], color=colour, lw=2.5, alpha=0.5, solid_capstyle="butt"
            )
        ax.plot(row[metric], position, MARKERS.get(kind, "o"), color=colour, ms=8, label=kind)
        words = f"{row[metric]:.3f}"
        if pd.notna(row.get("bias")):
            words += f"  bias {100 * row['bias']:+.1f} %".replace("-", "−")
        ax.annotate(words, (right, position), xytext=(10, 0), textcoords="offset points", va="center", fontsize=9)
    for value, name, style in ((floor, "attainable", "--"), (omniscient, "omniscient", ":")):
        if value is not None:
            ax.axvline(value, color=VERMILION, ls=style, lw=1.6)
            side = "right" if style == ":" else "left"
            ax.annotate(
                f"{name} {value:.3f}",
                (value, 1.0),
                xycoords=("data", "axes fraction"),
                xytext=(3, 2),
                textcoords="offset points",
                color=VERMILION,
                fontsize=9,
                ha=side,
            )
    ax.set_yticks(range(len(table)), table["model"])
    ax.set_ylim(-0.7, len(table) - 0.3)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel(label or f"{metric.upper()} (lower is better)")
    handles = dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
    if len(handles) > 1:
        ax.legend(
            handles.values(),
            handles.keys(),
            loc="upper center",
            bbox_to_anchor=(0.5, -0.12 - 0.5 / len(table)),
            ncols=4,
            fontsize=9,
        )
    ax.set_title(title, pad=20 if floor is not None or omniscient is not None else None)
    return ax


def money_bars(
    labels: Sequence[str],
    values: ArrayLike,
    *,
    ax: Axes | None = None,
    title: str = "",
    unit: str = "money a week",
    low: ArrayLike | None = None,
    high: ArrayLike | None = None,
    roles: Sequence[str] = (),
) -> Axes:
    """A bar a choice, in money, written at its end; ``low, high`` draw intervals, ``roles`` choose colours."""
    amounts = np.asarray(values, dtype=float)
    ax = _axes(ax, (7.5, 1.0 + 0.55 * len(amounts)))
    colours = [ROLES.get(role, BLUE) for role in roles] or [BLUE] * len(amounts)
    hatches = ["" if colour == BLUE else "//" if colour == SOFT else ".." for colour in colours]
    places = np.arange(len(amounts))[::-1]
    for place, amount, colour, hatch in zip(places, amounts, colours, hatches, strict=True):
        ax.barh(place, amount, color=colour, hatch=hatch, edgecolor="white", height=0.62)
    ends = amounts.copy()
    if low is not None and high is not None:
        lows, highs = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
        ax.hlines(places, lows, highs, color=INK, lw=1.6)
        ends = np.where(amounts >= 0, np.maximum(amounts, highs), np.minimum(amounts, lows))
    for place, amount, end in zip(places, amounts, ends, strict=True):
        ax.annotate(
            f"{amount:,.0f}",
            (end, place),
            xytext=(5 if amount >= 0 else -5, 0),
            textcoords="offset points",
            va="center",
            ha="left" if amount >= 0 else "right",
            fontsize=10,
        )
    ax.axvline(0, color=INK, lw=1)
    ax.set_yticks(places, labels)
    ax.margins(x=0.14)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel(unit)
    thousands(ax.xaxis)
    ax.set_title(title)
    return ax
