"""Opens a season's last stock as a game: one product, a price a week, nothing is ordered again.

The season itself, its exact law and many seasons side by side are in ``season``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ecomlib.decisions.gym import gymnasium, spaces
from ecomlib.decisions.season import Floats, Markdown, Seasons, Whole

__all__ = ["Markdown", "MarkdownEnv", "Seasons"]


class MarkdownEnv(gymnasium.Env[Whole, int]):  # type: ignore[misc, unused-ignore]
    """Play one season at a time: what is seen is the week and the stock, an action is a place on the ladder.

    Parameters
    ----------
    **settings : Any
        Those of ``Markdown``.

    Examples
    --------
    >>> env = MarkdownEnv(weeks=1, stock=5)
    >>> obs, info = env.reset(seed=0)
    >>> obs.tolist(), env.step(4)[2]
    ([0, 5], True)
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012

    def __init__(self, **settings: Any) -> None:
        self.settings = Markdown(**settings)
        self.observation_space = spaces.MultiDiscrete([self.settings.weeks + 1, self.settings.stock + 1])
        self.action_space: Any = spaces.Discrete(len(self.settings.prices))

    def transition(self, level: float = 1.0) -> tuple[Floats, Floats]:
        """Compute the season's exact law, as ``Markdown.transition`` does."""
        return self.settings.transition(level)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Whole, dict[str, Any]]:
        """Begin a season.

        Parameters
        ----------
        seed : int, optional
            The luck.
        options : dict, optional
            None are known.

        Returns
        -------
        tuple
            Week and stock, and an empty ``info``.
        """
        super().reset(seed=seed)
        self._season = Seasons(self.settings, 1, self.np_random)
        return self._seen(), {}

    def step(self, action: int) -> tuple[Whole, float, bool, bool, dict[str, Any]]:
        """Sell for one week at a price of the ladder; the reward is money."""
        earned = self._season.step(np.array([action]))
        return self._seen(), float(earned[0]), self._season.over, False, {}

    def _seen(self) -> Whole:
        return np.array([self._season.week, self._season.stock[0]], dtype=np.int64)
