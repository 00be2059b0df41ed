"""Makes and publishes a version from a shop's tables, stage by stage (lesson 08, section 1).

snapshot -> choose (fit, freeze, score) -> fit again on all weeks -> prove -> calibrate -> estimate effects -> publish.
Each stage takes values and gives values; only ``publish`` writes.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ecomlib.errors import DataError
from ecomlib.serving.release import candidates
from ecomlib.serving.release.bundle import BESIDE, FORMAT, MODEL, RECENT, SMALL, TRIAL, describe, registry, write
from ecomlib.serving.release.calibrate import calibrate
from ecomlib.serving.release.candidates import MEAN, WORDS, FitSettings, Fitted, Learned
from ecomlib.serving.release.choose import Choice, answer, choose, printed
from ecomlib.serving.release.customers import customers_of
from ecomlib.serving.release.effects import effects_of
from ecomlib.serving.release.frozen import OnnxNetwork
from ecomlib.serving.release.inputs import Floats, SalesHistory, levels_of, monday, panel, windows_for
from ecomlib.serving.release.plan import plan_of
from ecomlib.serving.release.snapshot import (
    Snapshot,
    digest_of,
    last_full_week,
    shares_by_hour,
    silence,
    snapshot,
    tables_of,
)
from ecomlib.serving.release.versions import Version
from ecomlib.stores.returns import sold
from ecomlib.stores.rhythm import rhythm

if TYPE_CHECKING:
    from ecomlib.evaluation.shop_answer import ShopAnswer
    from ecomlib.models import Network
    from ecomlib.serving.release.bundle import Bundle
    from ecomlib.stores import Store
    from ecomlib.windowing import WindowSettings
    from ecomlib.windows import WindowSet

Say = Callable[[str], None]
_PARITY = 1e-3  # of units, relative to one unit more than the forecast
_MOST_SAME = 0.99  # of the forecasts of trees


@dataclass(frozen=True)
class ReleaseSettings:
    """Sets how a version is made (lesson 08, section 1).

    hold_out: last full weeks that it does not see, for ``ecomlib replay``. epochs: of the network's training (None: by
    the shop's size). seed: of networks, trees and order of windows. coverage: what the intervals promise. effects:
    estimate what prices and promotions do; text: with the listings' words as the confounder, which needs the encoder.
    small: also an eight-bit network, with what it costs on the card. horizon: weeks ahead that are forecast. quick: no
    network among the candidates. model: publish this candidate, whatever the scores say. returns: the units that are
    learned and forecast, ``"gross"``, or ``"net"`` of the lines that came back. customers: also keep lists, risk board
    and offers (``release.customers``); the version then holds customers' identifiers.
    """

    hold_out: int = 0
    epochs: int | None = None
    seed: int = 0
    coverage: float = 0.9
    effects: bool = True
    text: bool = True
    small: bool = False
    horizon: int = 4
    quick: bool = False
    model: str | None = None
    returns: str = "gross"
    customers: bool = False


@dataclass(frozen=True, eq=False)
class Trained:
    """Holds what training leaves beside the published version.

    choice: what was chosen and why. fitted: what was fitted on all weeks. books: its sales history. answer: how good
    it is beside last week, a mean and last year.
    """

    version: Version
    choice: Choice
    fitted: Fitted
    books: SalesHistory
    answer: ShopAnswer

    @property
    def scores(self) -> pd.DataFrame:
        """The forecasts that chose and calibrated: ``unique_id, ds, cutoff, y``, ``model`` and ``naive``, mean of 8."""
        scores = self.choice.scores
        return scores[["unique_id", "ds", "cutoff", "y"]].assign(model=scores[self.choice.name], naive=scores[MEAN])

    @property
    def model(self) -> Network:
        """The network in torch; ``DataError`` where the version is made of something else."""
        learned = self.fitted.learned[0].source.learned if isinstance(self.fitted.frozen, OnnxNetwork) else None
        if learned is None:
            raise DataError(
                f"this version is no network, but {WORDS[self.choice.name]}", remedy='train with model="gru".'
            )
        network: Network = learned["networks"][0]
        return network

    @property
    def windows(self) -> WindowSet:
        """All windows of the books, as a network reads them."""
        from ecomlib.windows import WindowSet

        forecaster: Any = self.fitted.frozen
        levels = levels_of(self.books)
        held = panel(self.books, forecaster.windows)
        return WindowSet.from_panel(held, forecaster.windows, levels={"category": levels} if levels else None)


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

    Parameters
    ----------
    store : Store
    home : path
        Folder of versions.
    plan : ReleaseSettings, optional
    source : mapping, optional
        Noted, so that replay and retraining find the store again.
    cutoff : int, optional
        Number of the last week that it knows; by default the last full one, less ``hold_out``.
    more : DataFrame, optional
        Orders beside the store's own: ``order_id, product_id, region_id, ordered_at, quantity, unit_price``.
    keep : Bundle, optional
        Prices' effects are taken from that version, and the stock at the cutoff (P, R) is ``stock``.
    say : function
        Is told what happens.

    Returns
    -------
    Trained

    Raises
    ------
    DataError
        The history is too short, or what was frozen does not say what was fitted.
    """
    how, began = plan or ReleaseSettings(), time.perf_counter()
    fit = FitSettings(how.epochs, how.seed)
    until = cutoff if cutoff is not None else last_full_week(store) - how.hold_out
    snap = snapshot(sold(store, how.returns), how.horizon, until, more)
    weeks = snap.books.units.shape[1]
    say(f"{len(snap.products):,} products, {weeks} full weeks up to {monday(snap.books.last + 1):%Y-%m-%d}")
    for note in rhythm(store.orders).notes:
        say(f"note: {note}")
    choice = choose(snap, fit, quick=how.quick, model=how.model, coverage=how.coverage)
    first = choice.origins[0] if choice.origins else None
    for line in printed(choice):
        say(line)
    fitted = candidates.fit([choice.name], snap.books, how.horizon, snap.books.last, fit, before=first)[choice.name]
    gap = prove(fitted, snap.books)
    if gap is not None:
        say(f"fitted again on all weeks, and frozen: it says the same to {gap:.1g} of a unit")
    reach, order_errors = calibrate(choice, snap, how.coverage)
    if keep:
        effects, about = keep.effects, keep.settings["effects"]
    else:
        effects, about = effects_of(snap.held.store, how.effects, how.text, say)
    tables = tables_of(snap) | {"reach": reach, "effects": effects, "order_errors": order_errors}
    planned = plan_of(snap, choice)
    tables |= {"sales_plan": planned.table, "sums": planned.sums}
    say(f"sales plan: {planned.about}")
    known = customers_of(store, until, returns=how.returns, wanted=how.customers, say=say)
    tables |= known.tables
    if keep is not None:
        tables["stock"] = pd.DataFrame(stock, columns=list(snap.regions["region_id"]), dtype=float)
    found = answer(choice, snap, store.name)
    notes = noted(snap, choice, how) | {
        "source": dict(source or {"store": store.name}),
        "parity": gap,
        "effects": about,
        "sales_plan": planned.about,
        "answer": found.sentence,
        "usable": found.usable,
    }
    version = publish(home, snap, choice, fitted, how, tables, notes, began, known.about)
    say(f"published as version {version.number:04d}: {WORDS[choice.name]}")
    if how.hold_out and cutoff is None:
        say(
            f"{how.hold_out} full weeks were held back, and its forecasts begin before them: replay them, or train "
            "with --hold-out 0, before you order by it"
        )
    return Trained(version, choice, fitted, snap.books, found)


def noted(snap: Snapshot, choice: Choice, how: ReleaseSettings) -> dict[str, Any]:
    """Note on the card what the version is, and on what evidence."""

    def plain(value: Any) -> Any:
        if isinstance(value, float):
            return round(value, 4) if np.isfinite(value) else None
        return value

    table = [{name: plain(value) for name, value in row.items()} for row in choice.table.to_dict("records")]
    wape = {row["model"]: row["wape"] for row in table}
    return {
        "format": FORMAT,
        "horizon": snap.horizon,
        "frequency": "W-MON",
        "cutoff": f"{monday(snap.books.last):%Y-%m-%d}",
        "data": digest_of(snap.books),
        "plan": asdict(how),
        "products": len(snap.products),
        "regions": len(snap.regions),
        "units": how.returns,
        "model": choice.name,
        "reason": choice.reason,
        "origins": [f"{monday(origin):%Y-%m-%d}" for origin in choice.origins],
        "candidates": table,
        "wape": {"model": wape.get(choice.name), "naive": wape.get(MEAN)},
    }


def publish(
    home: str | os.PathLike[str],
    snap: Snapshot,
    choice: Choice,
    fitted: Fitted,
    how: ReleaseSettings,
    tables: Mapping[str, pd.DataFrame],
    notes: dict[str, Any],
    began: float,
    customers: Mapping[str, Any] | None = None,
) -> Version:
    """Write a version into the registry of a home, whole or not at all."""
    first = choice.origins[0] if choice.origins else snap.books.last
    window, levels = windows_for(snap.books, snap.horizon, before=first), levels_of(snap.books)
    unseen = snap.books.last - first
    settings = describe(snap.books, window, levels) | {
        "coverage": how.coverage,
        "recent_weeks": RECENT,
        "calibrated_weeks": unseen,
        "effects": notes["effects"],
        "sales_plan": notes["sales_plan"],
        "currency": snap.held.store.currency,
        "source": notes["source"],
        "rhythm": shares_by_hour(snap.held),
        "silence": silence(snap.held),
        "units": how.returns,
        "model": choice.name,
        "reason": choice.reason,
        "customers": dict(customers or {}),
    }

    def put(folder: Path) -> dict[str, Any]:
        fitted.frozen.write(folder)
        beside = (choice.trial.frozen, fitted.means, choice.trial.means)
        for name, forecaster in zip(BESIDE, beside, strict=True):
            if forecaster is not None:
                (folder / name).mkdir()
                forecaster.write(folder / name)
        write(folder, settings, tables)
        small = eight_bits(folder, choice, snap) if how.small else {}
        return notes | small | {"seconds": round(time.perf_counter() - began, 1)}

    return registry(home).publish(put)


def eight_bits(folder: Path, choice: Choice, snap: Snapshot) -> dict[str, Any]:
    """Write an eight-bit network beside the served one, and note what the smaller numbers cost it."""
    from tempfile import TemporaryDirectory

    from ecomlib.serving.release.choose import score_at
    from ecomlib.serving.release.export import quantise

    trial = choice.trial.frozen
    if not isinstance(trial, OnnxNetwork):
        raise DataError(f"eight bits are for networks, and {WORDS[choice.name]} serves", remedy="leave --int8 out.")
    quantise(folder / MODEL, folder / SMALL)
    with TemporaryDirectory() as place:
        other = replace(trial, content=quantise(folder / TRIAL / MODEL, Path(place) / SMALL).read_bytes())
    scores = score_at({"small": Fitted(other)}, snap, choice.origins)
    sold = float(scores["y"].sum())
    sizes = [(folder / name).stat().st_size for name in (MODEL, SMALL)]
    wape = round(float((scores["small"] - scores["y"]).abs().sum() / sold), 4) if sold > 0 else None
    return {"int8": {"wape": wape, "bytes": sizes[1], "bytes_before": sizes[0]}}


def prove(fitted: Fitted, books: SalesHistory) -> float | None:
    """Measure the largest gap between what was fitted and what was frozen, over 1 + units; None with nothing to learn.

    All that a candidate learned is measured: the members of an average, and what forecasts means. Of trees it is the
    gap that 99 % of the forecasts keep.

    Raises
    ------
    DataError
        They do not say the same, or what they say is not finite.
    """
    if not fitted.learned:
        return None
    window: WindowSettings = fitted.learned[0].source.forecaster.window  # type: ignore[attr-defined]
    held = panel(books, window)
    worst = max(_gap(one, held, books) for one in fitted.learned)
    if worst > _PARITY:
        raise DataError(
            "what was frozen does not say what was fitted",
            value=worst,
            remedy="this is a fault of ecomlib: please report it with your versions.",
        )
    return worst


def _gap(one: Learned, held: pd.DataFrame, books: SalesHistory) -> float:
    """The gap of one fitted forecaster and what it was frozen to, at the end of the books."""
    theirs = one.frozen.forecast(books, books.last)
    there = np.isfinite(theirs[:, 0])
    said = one.source.forecast(held, at=monday(books.last))
    wide = said.pivot_table(one.source.forecaster.label, "unique_id", "ds").reindex(list(books.products))
    ours = np.maximum(wide.to_numpy(dtype=float)[there], 0.0)
    if not np.isfinite(ours).all():  # a gap that is NaN would be below every limit
        remedy = "train with fewer --epochs, or look for extreme quantities."
        raise DataError("the fitted forecaster's forecasts are not finite", remedy=remedy)
    gaps = np.abs(ours - theirs[there]) / (1 + ours)
    # Trees are steps: inputs that differ in their last bits may fall on either side of a split.
    stepped = not isinstance(one.frozen, OnnxNetwork)
    return float(np.quantile(gaps, _MOST_SAME if stepped else 1.0)) if gaps.size else 0.0
