"""The order-list game: a shop that nobody has seen, three months of orders, a board (lesson 00 opens with a small one).

``ecomlib game new, month, check, score, board`` play it, in a room or alone; ``opening_game`` is the small one.
"""

from ecomlib.course.game.opening import OpeningGame, opening_game

__all__ = ["OpeningGame", "opening_game"]
