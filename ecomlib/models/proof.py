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
READS = (
    "let it read (B, T, {}), where the last channel says which periods are observed, and "
    "return the states (B, T, hidden), or a tuple whose first entry they are."
)
HIDDEN_STATES = "hidden_states(x, seen) reads (B, T, past) and (B, T) bool, and returns (B, T, hidden) and (B, T) bool."
ENCODE = "encode(x, seen) reads (B, T, past) and (B, T) bool, and returns one state a window, (B, hidden)."
STATES = "return one state of width settings.hidden a period: batch first, no period left out."
PERIODS = 9  # of the trial, where the look-back is free: enough to see a convolution that looks one period ahead


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
    if not isinstance(network.encoder, nn.Module):
        raise DataError(
            f"make_encoder of {name} returns a {type(network.encoder).__name__}",
            remedy="return a torch.nn.Module.",
        )
    if network.fixed_look_back and not own["encode"]:
        raise DataError(
            f"{name} has fixed_look_back and no encode of its own, so nothing reads the look-back at once",
            remedy="write encode(x, seen) -> (B, hidden), or leave fixed_look_back out.",
        )
    # Where it is free, no width of a state: axes that were swapped must not look right.
    periods = settings.look_back if network.fixed_look_back else PERIODS + (settings.hidden == PERIODS)
    x = torch.randn(3, periods, settings.past, generator=torch.Generator().manual_seed(0))
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
        reads = READS.format(x.shape[2] + 1) if not own["hidden_states"] else HIDDEN_STATES
        states = _called(call, where, x, seen, reads)
        _sound(states, (*x.shape[:2], width), where, STATES)
        _alone(call, where, x, seen, states, reads)
        other = x.clone()
        other[:, -1] += 1.0
        moved = (_called(call, where, other, seen, reads) - states)[:, :-1].abs()
        if x.shape[1] > 1 and float(moved.max()) > 1e-5:
            raise DataError(
                f"{where} looks ahead: a change of the last period changes the state of an earlier one",
                remedy="read from left to right only: no bidirectional layer; pad a convolution on the left alone; let "
                "attention see no later period.",
            )
    where = f"{name}.encode"
    state = _called(network.encode, where, x, seen, ENCODE)
    _sound(state, (x.shape[0], width), where, "return one state of width settings.hidden a window: (B, hidden).")
    _alone(network.encode, where, x, seen, state, ENCODE)
    if torch.is_inference_mode_enabled():  # nothing has a gradient there
        return
    with torch.enable_grad():
        traced = _called(network.encode, where, x, seen, ENCODE).requires_grad
    if any(weight.requires_grad for weight in network.encoder.parameters()) and not traced:
        raise DataError(
            f"{where} returns a state without a gradient, so the encoder would learn nothing",
            remedy="leave out detach(), torch.no_grad() and the way through numpy.",
        )


def _encoder(encoder: nn.Module) -> Call:
    return lambda x, seen: encoder(torch.cat([x, seen.unsqueeze(-1).to(x.dtype)], dim=-1))


def _called(call: Call, where: str, x: Tensor, seen: Tensor, reads: str) -> Tensor:
    try:
        return states_of(call(x, seen))
    except (RuntimeError, TypeError, ValueError, IndexError, AttributeError, NotImplementedError) as fault:
        said = str(fault).splitlines()
        raise DataError(f"{where} cannot be used: {said[0] if said else type(fault).__name__}", remedy=reads) from fault


def _sound(states: Tensor, wanted: tuple[int, ...], where: str, remedy: str) -> None:
    """Refuse another shape, another type of number, and what is no number."""
    if tuple(states.shape) != wanted:
        raise DataError(f"{where} returns the shape {tuple(states.shape)}, where {wanted} is needed", remedy=remedy)
    if states.dtype != torch.get_default_dtype():
        raise DataError(
            f"{where} returns {states.dtype}, where {torch.get_default_dtype()} is needed",
            remedy="make its weights of that type, as torch does, or return states.float().",
        )
    if not bool(torch.isfinite(states).all()):
        raise DataError(
            f"{where} returns states that are no finite numbers",
            remedy="look for a division by zero, a logarithm or a root of what may be negative.",
        )


def _alone(call: Call, where: str, x: Tensor, seen: Tensor, states: Tensor, reads: str) -> None:
    """Refuse windows that are read together: a forecast must not rest on which others are asked for beside it."""
    one = _called(call, where, x[1:2], seen[1:2], reads)
    if one.shape != states[1:2].shape or float((one - states[1:2]).abs().max()) > 1e-4:
        raise DataError(
            f"the state of one window depends on the others in the batch, in {where}",
            remedy="let nothing mix axis 0, which is the windows: batch first, no statistics over the batch.",
        )
