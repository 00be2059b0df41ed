"""Holds the rules of the game as the room reads them."""

from __future__ import annotations

from ecomlib.course.game.bots import BOTS
from ecomlib.course.game.rules import WEEKS

_RULES = """\
The order-list game: run the shop for {months}
{line}

You take over a shop that nobody has seen. Each month you get its tables as they are on a Sunday evening, in the
folder month-1, month-2 and so on: products, orders, prices with the plan of the coming four weeks, stock, visits,
reviews. (Whether lines of the last four weeks will come back nobody knows yet: `returned` says false.) You hand in what
to order in each of the four weeks to come.

The list is a CSV file with three columns, one line for each product and week:

    product_id,week,units
    P0001,2025-04-07,12

A week is named by its Monday, units are whole and zero or more. month-1-last-week.csv is such a list to begin with:
what was sold last week, four times. Hand in the file as handin/TEAM.csv, with your team's name in place of TEAM. Look
whether it is right with

    ecomlib game check TEAM.csv --tables month-1

What it costs: a unit too few costs its margin (list_price - unit_cost), a unit too many a quarter of its unit_cost.
Each week begins with an empty shelf. What counts is what customers wanted, not what was sold: where the shelf was
empty, the tables say less than was wanted, and the referee alone knows the rest.

What it scores: 100 x (last week's cost - yours) / (last week's cost - attainable). Last week's list is 0. 100 is the
best list that anybody could have written who knew every rule of this market, but not the future. Bots play too: {bots}.
month-1-hint.txt says what may help.
A late or missing file means last month's list again, or last week's sales where there is none.

The tables can be read with pandas (read_parquet), or with

    import ecomlib
    store = ecomlib.load_store("month-1")

Nobody can know this shop: it was drawn from a pass-phrase that is published after the last month. Its SHA-256 is

    {digits}

and then everybody can check it: printf %s 'PHRASE' | sha256sum
"""

# One a month, from the smallest step to the largest; each is worth a try before the next is handed out.
HINTS = (
    """\
Two mistakes do not cost the same. Compute c_u / (c_u + c_o) for each product: the share of weeks in which the order
should be enough. Which quantile of a product's last eight weeks is that?
""",
    """\
The plan is known: prices.parquet goes on for four weeks. Which products are promoted then that were not last week, and
which no longer? How much did a promotion lift them in the past? And where was the shelf empty (inventory.parquet)?
""",
    """\
A model sees what eight weeks do not: season, price, the weeks of other products. Lesson 00 has one of ten lines. Or
take the mean of several lists, yours and your neighbours': the board shows what the room's average is worth.
""",
)


def hint_text(month: int) -> str:
    """Write the hint that is handed out with a month; after the last one it stays."""
    return HINTS[min(month, len(HINTS)) - 1]


def rules_text(months: int, digits: str) -> str:
    """Write the rules for a game of so many months, with the hash of its phrase."""
    word = f"{months} months of {WEEKS} weeks" if months > 1 else f"a month of {WEEKS} weeks"
    line = "=" * len(f"The order-list game: run the shop for {word}")
    return _RULES.format(months=word, line=line, digits=digits, bots=", ".join(BOTS))
