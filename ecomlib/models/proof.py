"""Proves that a network keeps the encoder's contract, by one tiny run when it is made (lesson 04, section 4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ecomlib.errors import DataError

if TYPE_CHECKING:
    from ecomlib.models.base import Network

Call = Callable[[Tensor, Tensor], Any]
PERIODS = 8  # of the trial, where the look-back is free: enough to see a convolution that looks one period ahead


def states_of(output: object) -> Tensor:
    """The states (B, T, D) in what an encoder returns: a tensor, or a tuple whose first entry it is."""
    states = output[0] if isinstance(output, tuple | list) and output else output
    if not isinstance(states, Tensor):
        raise TypeError(f"it returns a {type(output).__name__}")
    return states


def prove(network: Network) -> None:
    """Run the encoder once and raise `DataError` where it breaks its contract (`Network.make_encoder`).

    Weights, buffers, torch's random state and the mode of training are as before afterwards.
    """
    from ecomlib.models.base import Network

    own = {name: getattr(type(network), name) is not getattr(Network, name) for name in ("encode", "hidden_states")}
    name, settings = type(network).__name__, network.settings
    if settings.fusion == "cross_attention" and own["encode"] and not own["hidden_states"]:
        raise DataError(
            f"{name} has an encode of its own and no hidden_states, which fusion by cross-attention asks",
            remedy='write hidden_states(x, seen) -> (states, exists) beside encode, or take fusion="concat".',
        )
    periods = settings.look_back if network.fixed_look_back and settings.look_back else PERIODS
    x = torch.randn(2, periods, settings.past, generator=torch.Generator().manual_seed(0))
    buffers = {key: value.clone() for key, value in network.named_buffers()}
    modes = {module: module.training for module in network.modules()}
    try:
        network.eval()
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            _run(network, name, x, own)
    finally:
        for module, mode in modes.items():
            module.training = mode
        with torch.no_grad():
            for key, value in network.named_buffers():
                value.copy_(buffers[key])


def _run(network: Network, name: str, x: Tensor, own: dict[str, bool]) -> None:
    seen, width = torch.ones(x.shape[:2], dtype=torch.bool), network.settings.hidden
    if not own["encode"] or own["hidden_states"]:
        call = network.hidden_states if own["hidden_states"] else _encoder(network.encoder)
        where = f"{name}.hidden_states" if own["hidden_states"] else f"the encoder of {name}"
        states = _called(call, where, x, seen)
        _same_shape(states, (*x.shape[:2], width), where)
        other = x.clone()
        other[:, -1] += 1.0
        moved = (_called(call, where, other, seen) - states)[:, :-1].abs()
        if x.shape[1] > 1 and float(moved.max()) > 1e-5:
            raise DataError(
                f"{where} looks ahead: a change of the last period changes the state of an earlier one",
                remedy="read from left to right only: no bidirectional layer; pad a convolution on the left alone; let "
                "attention see no later period.",
            )
    _same_shape(_called(network.encode, f"{name}.encode", x, seen), (x.shape[0], width), f"{name}.encode")


def _encoder(encoder: nn.Module) -> Call:
    return lambda x, seen: encoder(torch.cat([x, seen.unsqueeze(-1).to(x.dtype)], dim=-1))


def _called(call: Call, where: str, x: Tensor, seen: Tensor) -> Tensor:
    try:
        return states_of(call(x, seen))
    except (RuntimeError, TypeError, ValueError, IndexError, AttributeError) as fault:
        raise DataError(
            f"{where} cannot be used: {str(fault).splitlines()[0]}",
            remedy=f"let it read (B, T, {x.shape[2] + 1}), where the last channel says which periods are observed, and "
            "return the states (B, T, hidden), or a tuple whose first entry they are.",
        ) from fault


def _same_shape(states: Tensor, wanted: tuple[int, ...], where: str) -> None:
    if tuple(states.shape) != wanted:
        raise DataError(
            f"{where} returns the shape {tuple(states.shape)}, where {wanted} is needed",
            remedy="return one state of width settings.hidden a period: batch first, no period left out.",
        )
