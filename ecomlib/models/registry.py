"""Registers the sequence models: one line each, from which training, checkpoints and export take their names.

A new network is its own file with a :class:`~ecomlib.models.base.Network`, a test, and one line in ``_CLASSES``; the
tests that run over ``NETWORKS`` then prove its shapes, masks, padding, fusion and export (lesson 04, section 4). One
that stays outside the package stands under ``@ecomlib.register``.
"""

from __future__ import annotations

import difflib
import pkgutil
from dataclasses import fields
from typing import Any

from ecomlib.contract import REGISTERED, load_plugins
from ecomlib.contract.plugins import require_own_name
from ecomlib.errors import DataError
from ecomlib.models.base import Network
from ecomlib.windows import WindowSet

_CLASSES = (
    "ecomlib.models.gru:GRUNetwork",
    "ecomlib.models.lstm:LSTMNetwork",
    "ecomlib.models.transformer:TransformerNetwork",
    "ecomlib.models.averages:AveragesNetwork",
    "ecomlib.models.linear:LinearNetwork",
    "ecomlib.models.patch:PatchNetwork",
    "ecomlib.models.patch:ITransformerNetwork",
    "ecomlib.models.mlp:TideNetwork",
    "ecomlib.models.mlp:NHitsNetwork",
    "ecomlib.models.tcn:TCNNetwork",
)


class _Networks(dict[str, type[Network]]):
    """The networks by name, with a sentence in place of a bare ``KeyError``."""

    def __missing__(self, name: str) -> type[Network]:
        return network_class(name)


# By the class's own ``kind``, which is also what a saved network's card holds.
NETWORKS: dict[str, type[Network]] = _Networks(
    {network.kind: network for network in map(pkgutil.resolve_name, _CLASSES)}
)


def network_class(name: str) -> type[Network]:
    """Find the network of a registered name: the package's, or one from outside (``ecomlib.register``).

    Raises
    ------
    DataError
        No such network; the nearest names are named.

    Examples
    --------
    >>> network_class("gru").__name__
    'GRUNetwork'
    """
    if name in NETWORKS:
        require_own_name(name, NETWORKS[name])
    elif name not in REGISTERED:
        load_plugins()
    found = _registered()
    if name in found:
        return found[name]
    known = list(found)
    near = difflib.get_close_matches(str(name), known, n=2, cutoff=0.5)
    raise DataError(
        "there is no such network",
        value=name,
        remedy=(f"did you mean {' or '.join(near)}? " if near else "")
        + f"take one of {', '.join(known)}, or put @ecomlib.register above a class of your own.",
    )


def _registered() -> dict[str, type[Network]]:
    return {**{name: cls for name, cls in REGISTERED.items() if issubclass(cls, Network)}, **NETWORKS}


def make_network(model: str | type[Network], windows: WindowSet, **settings: Any) -> Network:
    """Make a network that fits these windows (lesson 04, section 4).

    Parameters
    ----------
    model : str or type
        A registered name, or a class of networks: ``"gru"``, ``"lstm"``, ``"transformer"``, ``"averages"``,
        ``"linear"`` (DLinear), ``"patch"`` (PatchTST), ``"itransformer"``, ``"tide"``, ``"nhits"``, ``"tcn"``, or one
        of a plug-in.
    windows : WindowSet
        The windows that it will be trained on: they say its channels, its horizon and its look-back.
    **settings
        More of the network's settings: see ``NetworkSettings`` and, for its own options, its ``Settings``.

    Returns
    -------
    Network
        Untrained.

    Raises
    ------
    DataError
        No such network, or no such setting; what there is, is named.
    """
    if not isinstance(windows, WindowSet):
        raise DataError(
            "a network is made for windows",
            value=type(windows).__name__,
            remedy="WindowSet.from_panel(panel, WindowSettings(look_back=26, horizon=4)) cuts them; "
            'or let a forecaster do it: forecaster("gru").fit(panel, horizon=4).',
        )
    kind = network_class(model) if isinstance(model, str) else model
    check_options(kind, settings)
    shape: dict[str, Any] = {
        "past": windows.past.shape[1],
        "future": windows.future.shape[1],
        "static": windows.static.shape[1],
        "text": 0 if windows.text is None else windows.text.shape[1],
        "horizon": windows.settings.horizon,
        "look_back": windows.settings.look_back,
    }
    return kind(kind.Settings(**{**shape, **settings}))


def check_options(kind: type[Network], names: Any) -> None:
    """Raise ``DataError`` where a network has no setting of one of these names."""
    known = [part.name for part in fields(kind.Settings)]
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=2, cutoff=0.5)
            raise DataError(
                f"the network '{kind.kind or kind.__name__}' has no setting '{name}'",
                remedy=(f"did you mean {' or '.join(near)}? " if near else "") + f"it has {', '.join(known)}.",
            )


def require_registered(kind: type[Network]) -> None:
    """Raise ``DataError`` where a saved network's name could not be turned into this class again."""
    if not kind.kind or _registered().get(kind.kind) is not kind:
        raise DataError(
            f"{kind.__name__} is not registered, so a file of its weights could not be loaded again",
            value=kind.kind or None,
            remedy='write kind = "my_network" in the class and @ecomlib.register above it.',
        )
