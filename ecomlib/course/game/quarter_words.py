"""Holds the rules of the quarter as a room and a lone player read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_NAMES = {"order": "what to order", "price": "prices", "promote": "the offers page", "mail": "letters"}

_RULES = """\
Run the shop for a quarter
==========================

You take over a shop that nobody has seen, for {weeks} weeks. `shop/` holds its tables as they are on the first Monday.
All players run the same shop under the same luck, and each shop goes on with what its own decisions make of it.

Week by week you get more to decide:

{levers}

What is not open yet is decided by the shop itself, as it always was.

A decision is a sheet: a CSV file with a row a product. `round-1/TEAM.csv` (alone: `week-1/you.csv`) is one to begin
with, filled in by a rule, beside what the shop sees. Columns that count:

    product_id   which product
    up_to        whole units: each Monday is ordered what is missing, on the shelf and arriving, up to here
    price        money, between price_low and price_high; one price in ten is moved at random, as a price test
    promote      1 on the offers page, 0 not; it has as many places as a tenth of the catalogue

Whom to write to stands in a file of its own, TEAM-letters.csv, with one column, customer_id. Nobody gets two letters
within {gap} weeks. All other columns inform, and are not read. Sheets go into handin/, as handin/TEAM.csv.

An order of this Monday arrives on the next. What it costs: holding a unit for a week {holding:.0%} of its unit_cost, a
letter {letter:g}. Goods are paid when they are sold; what is left at the end is no loss. What counts is profit.

What it scores: 100 x (your profit - the rule's) / (the reference's - the rule's). The rule needs no model: it smooths
sales, charges cost-plus, promotes best sellers and writes to whoever bought within 60 days. The reference knows every
parameter of this market, but not the luck. It is no optimum: more than 100 can be had. Policies of the course play too.
A late or missing sheet means your last one again. A sheet of yours holds for a whole round, while the policies decide
anew each Monday: leave room for that.

Nobody can know this shop: it was drawn from a pass-phrase that is published after the last week. Its SHA-256 is

    {digits}

Write these digits down now. After the end everybody can check the phrase: printf %s 'PHRASE' | sha256sum; and that this
very shop came out of it: ecomlib game verify --room ROOM{sized} --digits DIGITS. Whoever drew the shop knows it,
and could have drawn several before: he does not play. A room that wants more adds words of its own to his (lesson 22,
section 6).
"""

HINTS = {
    "order": """\
An order of today arrives in a week and must last until the next one does: two weeks of demand, and something for a good
week. How much more? Holding costs 5 % of the unit's cost a week, an empty shelf costs the margin (lesson 12).
""",
    "price": """\
Some customers hardly look at the price, others run. Which category is which? Old prices went up when demand was about
to, so a plain comparison says too little (lessons 03 and 13). And orders are for the prices that you will charge.
""",
    "promote": """\
A place on the page is worth what it adds, of what is there to be sold: not what sells anyway, and not an empty shelf.
""",
    "mail": """\
A letter costs little, and it drives some people away. Who is glad of one? `shop/mailings` is an experiment.
""",
}


def quarter_hint(levers: tuple[str, ...]) -> str:
    """Write the hint of a turn: on the lever that has opened last."""
    return HINTS[levers[-1]]


def quarter_rules(options: Mapping[str, Any], digits: str, size: str = "small") -> str:
    """Write the rules for the options of a quarter, with the hash of its phrase and the size of its shop."""
    lines = [
        f"    from week {first + 1:>2} on: {_NAMES[lever]}"
        for lever, first in zip(options["levers"], options["opens"], strict=True)
    ]
    return _RULES.format(
        weeks=options["weeks"],
        levers="\n".join(lines),
        gap=4,
        holding=options["holding"] / 52,
        letter=0.1,
        digits=digits,
        sized="" if size == "small" else f" --size {size}",
    )
