"""Skips what a network that reads one length of window all at once cannot be asked (``AtOnceNetwork``)."""

from __future__ import annotations

import pytest

from ecomlib.models import NETWORKS, Network


def skip_without_states(kind: str, fusion: str) -> None:
    """Skip what asks for cross-attention where a network has no state for each period."""
    network = NETWORKS[kind]
    own = network.encode is not Network.encode and network.hidden_states is Network.hidden_states
    if fusion == "cross_attention" and own:
        pytest.skip(f"{network.__name__} has no hidden_states, which cross-attention asks")


def skip_other_lengths(kind: str) -> None:
    """Skip what reads windows of another length where a network reads one alone."""
    if NETWORKS[kind].fixed_look_back:
        pytest.skip(f"{NETWORKS[kind].__name__} has a fixed look-back and reads no shorter window")
