"""Makes networks forecasters: fitted on a panel, they forecast a frame like all others (lesson 00, section 3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd

from ecomlib.contract import Forecaster, Point
from ecomlib.contract.hints import unknown_setting
from ecomlib.errors import DataError
from ecomlib.features.completed import completed, without_made
from ecomlib.models import Network, NetworkSettings, network_class
from ecomlib.models.heads import COUNTS
from ecomlib.models.registry import check_options, make_network, require_registered
from ecomlib.panel import CALENDAR, LAST_YEAR
from ecomlib.training.loop import fit, predict
from ecomlib.training.settings import TrainSettings
from ecomlib.windowing import WindowSettings
from ecomlib.windows import WindowSet

# What `ecomlib.forecaster("gru")` takes where nothing else is said: lesson 00's, on what every panel has.
WINDOW = WindowSettings(look_back=26, past=("y",), future=("week_sin", "week_cos", "to_christmas"))
TRAIN = TrainSettings(epochs=8, lr=5e-3)
OPTIONS = {"hidden": 32, "head": "quantile"}
_COLUMNS = ("past", "future", "static", "in_units", "also_known")  # of a window; one may be written without brackets
# Settings of a network that windows say, not users: `past` and its like are the window's columns.
_SHAPE = ("past", "future", "static", "text", "horizon", "look_back")


@dataclass(frozen=True)
class NetworkForecaster(Forecaster):
    """Train a network on the windows of a panel, one for each seed, and forecast with their mean.

    Usually made by its name, with plain keywords: ``ecomlib.forecaster("gru", look_back=26, hidden=32, epochs=10)``.

    Parameters
    ----------
    network : str or type
        A registered name, such as ``"gru"``, or a class of networks (a registered one, where it is to be saved).
    window : WindowSettings
        What a window holds; its horizon is the one that ``fit`` is given. ``future`` may name calendar and last year's
        columns that the panel lacks: they are made, from the rows up to the origin alone.
    train : TrainSettings
        How it is trained. With ``valid_periods`` the last known periods are kept back, to tell when to stop.
    seeds : tuple of int
        One network each; with several, their forecasts are averaged: that is an ensemble, and is to be called one.
    options : mapping
        Settings of the network (``hidden``, ``head``, its own), see its ``Settings``. A count head forecasts its mean;
        with ``quantiles`` said, also those of its distribution (lesson 11b, section 4).
    text : mapping or DataFrame, optional
        One vector for each value of ``text_key``; a frame has that key as its index. They must have been known at the
        first origin.
    text_key : str
        A column of the panel.

    Notes
    -----
    A series that is too young for a window gets the mean of what it sold. Levels of static columns are those that were
    there when it was fitted; a new one counts as none of them.

    Examples
    --------
    >>> model = NetworkForecaster.make("gru", look_back=13, hidden=16, epochs=3, head="absolute")
    >>> model.window.look_back, model.train.epochs, model.point
    (13, 3, 'median')
    """

    network: str | type[Network] = "gru"
    window: WindowSettings = WINDOW
    train: TrainSettings = TRAIN
    seeds: tuple[int, ...] = (0,)
    options: Mapping[str, Any] = field(default_factory=lambda: dict(OPTIONS))
    text: Mapping[str, Any] | pd.DataFrame | None = field(default=None, repr=False, compare=False)
    text_key: str = "unique_id"

    def __post_init__(self) -> None:
        object.__setattr__(self, "seeds", tuple(self.seeds))
        if not self.seeds:
            raise DataError("seeds are needed, one a network", remedy="seeds=(0,) trains one network.")
        for name in self.options:
            if name in (*_SHAPE, "seed"):
                raise DataError(
                    f"'{name}' is no option of the network here",
                    remedy="give seeds=(0, 1) for seeds; the panel and the window say the rest.",
                )
        _check_own_options(self.network_class)
        check_options(self.network_class, self.options)
        self._network_settings()  # what cannot be, is said now

    def _network_settings(self) -> NetworkSettings:
        """The network's settings but for what a panel says: horizon, and levels of static columns."""
        window = self.window
        shape: dict[str, Any] = {
            "past": len(window.past),
            "future": len(window.future),
            "look_back": window.look_back,
            "horizon": 1,
        }
        return self.network_class.Settings(**shape, **self.options)

    @property
    def network_class(self) -> type[Network]:
        """The class of the network."""
        return network_class(self.network) if isinstance(self.network, str) else self.network

    @property
    def name(self) -> str:  # type: ignore[override]
        return self.network_class.kind

    @property
    def point(self) -> Point:  # type: ignore[override]
        """A median under absolute error and quantiles, a mean under counts and squared error of units, else neither."""
        head = self._network_settings()
        if head.head == "absolute" or (head.head == "quantile" and 0.5 in head.quantiles):
            return "median"
        if head.head == "quantile":
            return "neither"
        return "neither" if head.head == "squared" and self.window.scale.startswith("log") else "mean"

    @property
    def known_ahead(self) -> tuple[str, ...]:  # type: ignore[override]
        """Columns of ``window.future`` that the panel must bring: all but the calendar's and last year's."""
        return tuple(c for c in self.window.future if c in self.also_known or c not in (*CALENDAR, *LAST_YEAR))

    @property
    def also_known(self) -> tuple[str, ...]:  # type: ignore[override]
        return self.window.also_known

    @classmethod
    def make(cls, network: str | type[Network] = "gru", **settings: Any) -> NetworkForecaster:
        """Make one from plain keywords: each goes to the window, the training or the network, whoever has it.

        Parameters
        ----------
        network : str or type
            See ``NetworkForecaster``.
        **settings
            ``look_back``, ``past``, ``future``, ``static``, ``scale`` and what else ``WindowSettings`` has; ``epochs``,
            ``lr``, ``device`` and what else ``TrainSettings`` has; ``hidden``, ``head`` and what else the network has;
            ``seed`` or ``seeds``; ``text``, ``text_key``. Or whole: ``window=``, ``train=``, ``options=``.

        Raises
        ------
        DataError
            No such network, or no such setting; what there is, is named.
        """
        kind = network_class(network) if isinstance(network, str) else network
        own = [part.name for part in fields(cls) if part.name != "network"]
        places = {
            "window": [part.name for part in fields(WindowSettings) if part.name != "horizon"],
            "train": [part.name for part in fields(TrainSettings) if part.name != "seed"],
            "options": [part.name for part in fields(kind.Settings) if part.name not in (*_SHAPE, "seed")],
        }
        given: dict[str, dict[str, Any]] = {place: {} for place in places}
        whole: dict[str, Any] = {}
        for name, value in settings.items():
            place = next((place for place, names in places.items() if name in names), None)
            if name in own:
                whole[name] = value
            elif name == "seed":
                whole["seeds"] = (value,)
            elif place is None:
                raise _unknown(kind, name, own, places)
            else:
                given[place][name] = (value,) if name in _COLUMNS and isinstance(value, str) else _tuple(value)
        # Put together before it is made: what a network asks of its settings is asked of the user's, not of defaults.
        whole["window"] = replace(whole.get("window", WINDOW), **given["window"])
        whole["train"] = replace(whole.get("train", TRAIN), **given["train"])
        whole["options"] = {**whole.get("options", OPTIONS), **given["options"]}
        return cls(network, **whole)

    def learn(self, past: pd.DataFrame, horizon: int) -> dict[str, Any]:
        shape, how = replace(self.window, horizon=horizon), self.train
        if self._network_settings().head == "yes_no":
            _check_yes_no(past["y"])
        windows = WindowSet.from_panel(self._panel(past, None, None), shape, self.text, text_key=self.text_key)
        period = np.unique(past["ds"].to_numpy())
        if how.valid_periods >= len(period):
            raise DataError(
                f"{len(period)} periods cannot leave {how.valid_periods} for validation",
                table="panel",
                remedy="take fewer valid_periods, or bring a longer history.",
            )
        fitted, valid = windows.split(period[-1 - how.valid_periods], how.valid_periods)
        networks = []
        for seed in self.seeds:
            network = make_network(self.network, windows, **{**self.options, "seed": seed})
            fit(network, fitted, valid if how.valid_periods else None, replace(how, seed=seed))
            networks.append(network)
        return {"networks": networks, "levels": dict(windows.levels), "text": self.text}

    def answer(self, learned: Any, past: pd.DataFrame, future: pd.DataFrame) -> pd.DataFrame:
        networks: list[Network] = learned["networks"]
        shape, text = replace(self.window, horizon=networks[0].settings.horizon), learned["text"]
        panel = self._panel(past, future, learned["levels"])
        windows = WindowSet.from_panel(panel, shape, text, text_key=self.text_key, levels=learned["levels"])
        now = windows.at(past["ds"].max())
        counts = networks[0].settings.head in COUNTS  # their quantiles are read off the distribution, if asked for
        law = tuple(self.options.get("quantiles", ())) if counts else ()
        parts = [predict(network, now, device=self.train.device, quantiles=law) for network in networks]
        columns = [column for column in parts[0].columns if column not in ("unique_id", "ds", "cutoff", "y")]
        keys = pd.MultiIndex.from_frame(parts[0][["unique_id", "ds"]])
        mean = pd.DataFrame(sum(part[columns].to_numpy() for part in parts) / len(parts), index=keys, columns=columns)
        table = mean.reindex(pd.MultiIndex.from_frame(future[["unique_id", "ds"]])).set_axis(future.index)
        level = future["unique_id"].map(past.groupby("unique_id", observed=True)["y"].mean()).fillna(0.0)
        for column in columns:
            table[column] = table[column].fillna(level.astype(float))
        # The forecast itself is called point, what stands beside it by its suffix.
        return table.rename(columns=lambda column: column.removeprefix("forecast-")).rename(
            columns={"forecast": "point", "probability": "point"}
        )

    def _panel(self, past: pd.DataFrame, future: pd.DataFrame | None, levels: Any) -> pd.DataFrame:
        """Past and future rows as one panel, with what the calendar and last year say of them."""
        wanted = (*self.window.past, *self.window.future)
        made = [c for c in (*CALENDAR, *LAST_YEAR) if c in self.window.future and c not in self.known_ahead]
        rows = past.iloc[:0][["unique_id", "ds"]] if future is None else future
        # Those after the origin are made, so those up to it must be of the same kind.
        return completed(without_made(past, made), rows, wanted, self.window.static)

    def pack(self, learned: Any) -> dict[str, Any]:
        networks: list[Network] = learned["networks"]
        require_registered(self.network_class)
        packed: dict[str, Any] = {"levels": {column: list(found) for column, found in learned["levels"].items()}}
        for seed, network in zip(self.seeds, networks, strict=True):
            packed[f"seed{seed}"] = asdict(network.settings)
            packed |= {f"seed{seed}.{name}": value for name, value in network.state_dict().items()}
        text = learned["text"]
        if text is not None:
            table = text if isinstance(text, pd.DataFrame) else pd.DataFrame.from_dict(dict(text), orient="index")
            packed["text"] = table.set_axis([str(k) for k in range(table.shape[1])], axis=1)
        return packed

    def unpack(self, packed: Mapping[str, Any]) -> dict[str, Any]:
        networks = []
        for seed in self.seeds:
            network = self.network_class(self.network_class.Settings(**packed[f"seed{seed}"]))
            head = f"seed{seed}."
            network.load_state_dict({k.removeprefix(head): v for k, v in packed.items() if k.startswith(head)})
            networks.append(network.eval())
        levels = {column: tuple(found) for column, found in packed["levels"].items()}
        return {"networks": networks, "levels": levels, "text": packed.get("text")}

    def exported(self, learned: Any) -> tuple[dict[str, Network], dict[str, Any]]:
        """The networks by the names of their files, and what whoever feeds them must know."""
        networks: list[Network] = learned["networks"]
        notes = {
            "columns": list(networks[0].head.names),
            "window": asdict(replace(self.window, horizon=networks[0].settings.horizon)),
            "levels": {column: list(found) for column, found in learned["levels"].items()},
        }
        return {f"seed{seed}": network for seed, network in zip(self.seeds, networks, strict=True)}, notes

    def settings(self) -> dict[str, Any]:
        """All fields but the text vectors, which are kept with what was learnt."""
        return {**super().settings(), "network": self.name, "text": None, "options": dict(self.options)}

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> NetworkForecaster:
        return cls(
            network=settings["network"],
            window=WindowSettings(**{name: _tuple(value) for name, value in settings["window"].items()}),
            train=TrainSettings(**settings["train"]),
            seeds=tuple(settings["seeds"]),
            options={name: _tuple(value) for name, value in settings["options"].items()},
            text_key=settings["text_key"],
        )


def _tuple(value: Any) -> Any:
    """A list as a tuple: so a card's JSON gives it, and so a user may write it."""
    return tuple(value) if isinstance(value, list) else value


def _check_yes_no(y: pd.Series) -> None:
    """Refuse amounts where a probability is asked: its point would be no mean of them."""
    odd = y[y.notna() & ~y.isin([0, 1])]
    if len(odd):
        raise DataError(
            'head="yes_no" forecasts whether something happens: y must be 0 or 1',
            table="panel",
            column="y",
            value=float(odd.iloc[0]),
            remedy='panel.assign(y=(panel["y"] > 0).astype(float)), or head="poisson" for the counts themselves.',
        )


def _check_own_options(kind: type[Network]) -> None:
    """Refuse a network whose own option has the name of a window's or the training's: no keyword could reach it."""
    common = {part.name for part in fields(NetworkSettings)}
    taken = {part.name: "the window" for part in fields(WindowSettings)}
    taken |= {part.name: "the training" for part in fields(TrainSettings)}
    taken |= {part.name: "the forecaster" for part in fields(NetworkForecaster)} | {"seed": "the forecaster"}
    for part in fields(kind.Settings):
        if part.name in taken and part.name not in common:
            raise DataError(
                f"an option of {kind.__name__} has the name of a setting of {taken[part.name]}",
                value=part.name,
                remedy=f"give the field in {kind.Settings.__name__} another name.",
            )


def _unknown(kind: type[Network], name: str, own: list[str], places: Mapping[str, list[str]]) -> DataError:
    common = {part.name for part in fields(NetworkSettings)}
    special = [option for option in places["options"] if option not in common]
    there = (
        "it has settings of the window (look_back, past, future, scale, …: help(ecomlib.WindowSettings)), of the "
        "training (epochs, lr, device, …: help(ecomlib.training.TrainSettings)) and of the network "
        f"({', '.join([*special, 'hidden', 'layers', 'head'])}, …)."
    )
    return unknown_setting(kind.kind or kind.__name__, name, [*own, "seed", *chain(*places.values())], there)
