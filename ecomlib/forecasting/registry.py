"""Registers the forecasters: one line each, by the name that a user types and a saved card holds.

A network is not listed here: its line in ``ecomlib.models.registry`` makes it a forecaster too. Classes from outside
the package register themselves (``ecomlib.register``) when their module is imported (``--plugin``,
``ECOMLIB_PLUGINS``).
"""

from __future__ import annotations

import difflib
import pkgutil
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from typing import Any

from ecomlib.contract import REGISTERED, Forecaster, load_plugins
from ecomlib.contract.hints import unknown_setting
from ecomlib.contract.plugins import require_own_name
from ecomlib.errors import DataError, EcomlibError, explained

FORECASTERS: dict[str, str] = {
    "naive": "ecomlib.models.baselines:Naive",
    "seasonal_naive": "ecomlib.models.baselines:SeasonalNaive",
    "window_mean": "ecomlib.models.baselines:WindowMean",
    "window_quantiles": "ecomlib.models.window_quantiles:WindowQuantiles",
    "exponential_smoothing": "ecomlib.models.baselines:ExponentialSmoothing",
    "auto_theta": "ecomlib.models.baselines:AutoTheta",
    "auto_ets": "ecomlib.models.baselines:AutoETS",
    "statsforecast": "ecomlib.models.baselines:Statsforecast",
    "lightgbm": "ecomlib.models.baselines:LightGBM",
    "trees": "ecomlib.models.trees:Trees",
    "maps": "ecomlib.spatial.forecaster:Maps",
    "region_ridge": "ecomlib.spatial.forecaster:RegionRidgeForecaster",
    "average": "ecomlib.ensemble.average:Average",
    "conformal": "ecomlib.ensemble.calibrated:Conformal",
    "count_law": "ecomlib.ensemble.count_law:CountLaw",
}


def names() -> list[str]:
    """List the registered names: the package's forecasters, its networks, and those of plug-ins."""
    from ecomlib.models.registry import NETWORKS

    return list(dict.fromkeys([*FORECASTERS, *NETWORKS, *REGISTERED]))


@explained(
    'forecaster("naive"), or with settings: forecaster("window_mean", window=4)',
    model='write its name: forecaster("gru").',
)
def forecaster(name: str, **settings: Any) -> Forecaster:
    """Make the forecaster of that name.

    Parameters
    ----------
    name : str
        A registered name: ``"naive"``, ``"seasonal_naive"``, ``"window_mean"``, ``"window_quantiles"``,
        ``"exponential_smoothing"``, ``"auto_theta"``, ``"auto_ets"``, ``"statsforecast"``, ``"lightgbm"``,
        ``"trees"``, ``"gru"``, ``"lstm"``, ``"transformer"``, ``"averages"``, ``"linear"``, ``"patch"``,
        ``"itransformer"``, ``"tide"``, ``"nhits"``, ``"tcn"``, ``"maps"``, ``"region_ridge"``, ``"average"``,
        ``"conformal"``, ``"count_law"``, or one of a plug-in.
    **settings : object
        Its settings, as its class names them.

    Returns
    -------
    Forecaster
        Not fitted yet.

    Raises
    ------
    DataError
        No such name (the nearest ones are named), or no such setting.

    Examples
    --------
    >>> forecaster("window_mean", window=4)
    WindowMean(window=4)
    """
    return create(name, settings)


def create(name: str, settings: dict[str, Any], *, saved: bool = False) -> Forecaster:
    """Make the forecaster of a registered name from a user's settings, or from those of a card (``saved``)."""
    kind: Any = None
    fixed: dict[str, Any] = {}
    if isinstance(name, str) and name in FORECASTERS:
        require_own_name(name)
        kind = pkgutil.resolve_name(FORECASTERS[name])
    elif isinstance(name, str):
        from ecomlib.models.registry import NETWORKS

        if name in NETWORKS:
            require_own_name(name, NETWORKS[name])
        elif name not in REGISTERED:
            load_plugins()
        kind = NETWORKS.get(name, REGISTERED.get(name))
    if kind is None and saved:
        raise DataError(
            "it holds a forecaster that is not ecomlib's, and its class is not registered here",
            value=name,
            remedy="name the module of the class: --plugin my_module, ECOMLIB_PLUGINS=my_module, or in Python "
            "import my_module before.",
        )
    if kind is None:
        near = difflib.get_close_matches(str(name).lower(), names(), n=3, cutoff=0.5)
        raise DataError(
            "there is no forecaster of this name",
            value=name,
            remedy=(f"did you mean {' or '.join(near)}? " if near else "")
            + f"take one of {', '.join(names())}, or name the module of your own by --plugin or ECOMLIB_PLUGINS.",
        )
    if not issubclass(kind, Forecaster):  # a network
        from ecomlib.training.forecaster import NetworkForecaster

        kind, fixed = NetworkForecaster, {"network": name}
    elif not saved and kind.make.__func__ is Forecaster.make.__func__ and is_dataclass(kind):  # type: ignore[attr-defined]
        _check_settings(name, [part.name for part in fields(kind) if part.init], settings)
    try:
        made: Forecaster = kind.from_settings(settings) if saved else kind.make(**fixed, **settings)
    except EcomlibError:
        raise
    except TypeError as fault:
        raise DataError(
            f"'{name}' does not take these settings: {fault}", remedy=f"see help({kind.__name__})."
        ) from fault
    return made


def _check_settings(name: str, known: list[str], settings: Iterable[str]) -> None:
    """Refuse a setting that the forecaster does not have."""
    for setting in settings:
        if setting not in known:
            raise unknown_setting(name, setting, known, f"it has {', '.join(known)}." if known else "it has none.")
