"""Trains, calibrates, exports, proves and publishes a version from a shop's tables (lesson 08, section 1)."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ecomlib.contract import interval_columns
from ecomlib.decisions.inventory import order_quantiles
from ecomlib.ensemble import split_conformal
from ecomlib.errors import DataError
from ecomlib.serving.release.bundle import ALL, MODEL, RECENT, SMALL, describe, registry, write
from ecomlib.serving.release.effects import effects_of
from ecomlib.serving.release.frozen import Frozen, OnnxNetwork
from ecomlib.serving.release.inputs import Floats, SalesHistory, levels_of, monday, panel, windows_for
from ecomlib.serving.release.snapshot import (
    books_of,
    catalogue,
    cut,
    digest_of,
    last_full_week,
    rhythm,
    shares,
    tables_of,
)
from ecomlib.serving.release.versions import Version

if TYPE_CHECKING:
    from ecomlib.models import Network
    from ecomlib.serving.release.bundle import Bundle
    from ecomlib.stores import Store
    from ecomlib.windows import WindowSet

Say = Callable[[str], None]
_MOST_ROWS = 400_000  # calibration rows; beyond it a sample of products says the same
_PARITY = 1e-3  # of units, relative to one unit more than the forecast


@dataclass(frozen=True)
class ReleaseSettings:
    """Sets how a version is made (lesson 08, section 1).

    hold_out: last full weeks that it does not see, for ``ecomlib replay``. epochs: of training (None: by the shop's
    size). seed: of network and order of windows. coverage: what the intervals promise. effects: estimate what prices
    and promotions do; text: with the listings' words as the confounder, which needs the encoder. small: also an
    eight-bit network, with what it costs on the card. horizon: weeks ahead that are forecast.
    """

    hold_out: int = 4
    epochs: int | None = None
    seed: int = 0
    coverage: float = 0.9
    effects: bool = True
    text: bool = True
    small: bool = False
    horizon: int = 4


@dataclass(frozen=True, eq=False)
class Trained:
    """Holds what training leaves beside the published version: the network in torch, and all windows of its books."""

    version: Version
    model: Network
    windows: WindowSet
    books: SalesHistory
    scores: pd.DataFrame  # the calibration weeks: unique_id, ds, cutoff, y, model, naive


def train(
    store: Store,
    home: str | os.PathLike[str],
    plan: ReleaseSettings | None = None,
    *,
    source: Mapping[str, Any] | None = None,
    cutoff: int | None = None,
    more: pd.DataFrame | None = None,
    keep: Bundle | None = None,
    stock: Floats | None = None,
    say: Say = lambda text: None,
) -> Trained:
    """Publish a version made from a store's tables; it is not promoted (lesson 08, section 1).

    ``source`` is noted, so that replay and retraining find the store again. The version knows all full weeks but the
    last ``hold_out``, or those up to ``cutoff``. ``more`` are orders beside the store's own: ``order_id, product_id,
    region_id, ordered_at, quantity, unit_price``. With ``keep`` prices' effects are taken from that
    version and the stock at the cutoff (P, R) is ``stock``.

    Raises ``DataError`` where the history is too short, or the exported network does not say what the trained one does.
    """
    import torch

    from ecomlib.serving.release.export import quantise
    from ecomlib.training import TrainSettings, fit, make_network
    from ecomlib.windows import WindowSet

    how = plan or ReleaseSettings()
    began = time.perf_counter()
    held = cut(store, cutoff if cutoff is not None else last_full_week(store) - how.hold_out, more)
    products, regions = catalogue(held.store)
    books, by_region = books_of(held, products, regions, how.horizon)
    window, levels = windows_for(books, how.horizon), levels_of(books)
    kept = max(how.horizon + 1, min(16, books.units.shape[1] // 5))
    if books.units.shape[1] < 12 or not (books.begin <= books.last - kept - how.horizon).any():
        raise DataError(
            f"{books.units.shape[1]} full weeks are too few to train on",
            table="orders",
            remedy="bring at least a quarter of a year, or hold out fewer weeks.",
        )
    windows = WindowSet.from_panel(panel(books, window), window, levels={"category": levels} if levels else None)
    fitted, _ = windows.split(monday(books.last - kept), 0)
    few = len(fitted) < 10_000  # a short history needs smaller batches and more rounds
    epochs = how.epochs or (12 if few else 4)
    say(f"{len(fitted):,} windows of {len(products):,} products, {epochs} rounds; {kept} weeks kept for calibration")
    model = make_network("gru", windows, head="absolute", hidden=24, decoder=32, seed=how.seed)
    rounds = TrainSettings(epochs=epochs, batch_size=128 if few else 1024, lr=8e-3, device="cpu", seed=how.seed)
    fit(model, fitted, None, rounds)

    def put(folder: Path) -> dict[str, Any]:
        forecaster = OnnxNetwork.freeze(model, window, windows.levels)
        forecaster.write(folder)
        gap = _parity(model, windows, forecaster, books)
        say(f"exported; the file says the same to {gap:.1g} of a unit")
        scores, reach, order_errors = calibrate(forecaster, books, by_region, regions, kept, how.coverage)
        effects, about = (
            (keep.effects, keep.settings["effects"]) if keep else effects_of(held.store, how.effects, how.text, say)
        )
        error = {name: _wape(scores, name) for name in ("model", "naive")}
        notes = {
            "cutoff": f"{monday(books.last):%Y-%m-%d}",
            "source": dict(source or {"store": store.name}),
            "data": digest_of(books),
            "plan": asdict(how),
            "products": len(products),
            "regions": len(regions),
            "wape": {name: None if value is None else round(value, 4) for name, value in error.items()},
            "parity": gap,
            "effects": about,
            "seconds": round(time.perf_counter() - began, 1),
        }
        if how.small:
            other = replace(forecaster, content=quantise(folder / MODEL, folder / SMALL).read_bytes())
            wape = _wape(calibrate(other, books, by_region, regions, kept, how.coverage)[0], "model")
            sizes = [(folder / name).stat().st_size for name in (MODEL, SMALL)]
            notes["int8"] = {
                "wape": None if wape is None else round(wape, 4),
                "bytes": sizes[1],
                "bytes_before": sizes[0],
            }
        settings = describe(books, window, levels) | {
            "coverage": how.coverage,
            "recent_weeks": RECENT,
            "calibrated_weeks": kept,
            "effects": about,
            "currency": store.currency,
            "source": notes["source"],
            "rhythm": rhythm(held),
        }
        held_tables = tables_of(books, by_region, products, regions, held, how.horizon)
        if keep is not None:
            held_tables["stock"] = pd.DataFrame(stock, columns=list(regions["region_id"]), dtype=float)
        write(folder, settings, held_tables | {"reach": reach, "effects": effects, "order_errors": order_errors})
        result["scores"] = scores
        return notes

    result: dict[str, pd.DataFrame] = {}
    with torch.random.fork_rng(devices=[]):
        version = registry(home).publish(put)
    say(f"published as version {version.number:04d}")
    return Trained(version, model, windows, books, result["scores"])


def calibrate(
    forecaster: Frozen,
    books: SalesHistory,
    by_region: Floats,
    regions: pd.DataFrame,
    kept: int,
    coverage: float,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Measure forecast errors in the last ``kept`` weeks, which were not trained on (lesson 08, section 2).

    Returns the scored frame of products (``unique_id, ds, cutoff, y, model, naive``); one row a region and ``all``:
    ``region_id, reach`` (split conformal, in roots of forecast + ½; infinite with its ``reason`` where the rows are too
    few for ``coverage``); and the errors of two weeks' units that orders are read from (``order_quantiles``).
    """
    rng, horizon = np.random.default_rng(0), forecaster.horizon
    origins = range(books.last - kept, books.last - horizon + 1)
    most = max(_MOST_ROWS // (len(regions) * horizon * len(origins)), 50)
    some = np.sort(rng.permutation(len(books.products))[:most])
    scored, parts = [], []
    for origin in origins:
        said, at = forecaster.forecast(books, origin), origin - books.first + 1
        came = books.units[:, at : at + horizon]
        there = np.flatnonzero(np.isfinite(said[:, 0]))
        scored.append(
            pd.DataFrame(
                {
                    "unique_id": np.repeat(np.array(books.products, dtype=object)[there], horizon),
                    "ds": np.tile([monday(origin + 1 + h) for h in range(horizon)], len(there)),
                    "cutoff": monday(origin),
                    "y": came[there].ravel(),
                    "model": said[there].ravel(),
                    "naive": np.repeat(books.units[there, max(at - 8, 0) : at].mean(axis=1), horizon),
                }
            )
        )
        there = np.intersect1d(there, some)
        split = shares(by_region[:, :, :at], books.category)[there]
        by_share, regional = split[:, :, None] * said[there, None], by_region[there, :, at : at + horizon]
        parts.append((by_share, regional, said[there], came[there]))
    said, came, total, sold = (np.concatenate([part[k] for part in parts]) for k in range(4))
    low, high = "units-lo-0", "units-hi-0"  # about the forecast, promising nothing yet
    rows, at_zero = [], pd.DataFrame({low: [0.0], high: [0.0], "root": [1.0]})
    for k, name in enumerate([*regions["region_id"], ALL]):
        f, y = (said[:, k], came[:, k]) if k < len(regions) else (total, sold)
        # Whole units: the low end is rounded down, so what counts as below begins one unit lower.
        frame = pd.DataFrame({"y": y.ravel(), low: f.ravel() - 1, high: f.ravel(), "root": np.sqrt(f + 0.5).ravel()})
        ends = split_conformal(frame, at_zero, (low, high), coverage, scale="root")
        about = {"reason": ends.attrs["unbounded"].get("all", "")}
        end = interval_columns("units", round(100 * coverage, 9))[1]
        rows.append({"region_id": name, "reach": float(ends[end].iloc[0])} | about)
    two = [part[..., :2].sum(axis=-1) for part in (said, came, total, sold)]
    errors = order_quantiles(two[0], two[1], list(regions["region_id"]), (two[2], two[3]))
    return pd.concat(scored, ignore_index=True), pd.DataFrame(rows), errors


def _parity(model: Network, windows: WindowSet, network: OnnxNetwork, books: SalesHistory) -> float:
    """Largest gap between the trained network on training's windows and the file on the service's, over 1 + units."""
    from ecomlib.training import predict as by_torch

    worst = 0.0
    for origin in (books.last, books.last - network.horizon):
        ours = by_torch(model, windows.at(monday(origin)), device="cpu")["forecast"].to_numpy()
        theirs = network.forecast(books, origin)
        theirs = theirs[np.isfinite(theirs[:, 0])].ravel()
        if len(ours) != len(theirs) or not np.isfinite(ours).all():  # a gap that is NaN would be below every limit
            remedy = "train with fewer --epochs, or look for extreme quantities."
            raise DataError("the trained network's forecasts are not finite", remedy=remedy)
        worst = max(worst, float((np.abs(ours - theirs) / (1 + ours)).max()))
    if worst > _PARITY:
        raise DataError(
            "the exported network does not say what the trained one says",
            value=worst,
            remedy="this is a fault of ecomlib: please report it with your versions.",
        )
    return worst


def _wape(scores: pd.DataFrame, name: str) -> float | None:
    """WAPE of a forecast on the calibration weeks; None where nothing was sold in them."""
    from ecomlib.evaluation import score

    value = float(score(scores, [name], ["wape"])["value"].iloc[0])
    return value if np.isfinite(value) else None
