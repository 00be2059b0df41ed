"""Imports Gymnasium for the environments of this room, or says how it is installed."""

from __future__ import annotations

from ecomlib.errors import MissingDependencyError, install_command

try:
    import gymnasium
    from gymnasium import spaces
except ImportError as fault:
    raise MissingDependencyError(
        f"the store as a game needs gymnasium. What to do: {install_command('ecomlib[decide]')}"
    ) from fault

__all__ = ["gymnasium", "spaces"]
