"""Checks a quarter that is over: did the phrase, published at the end, really make the shop that was played?

The hash alone says that the phrase is the promised one. That the tables came out of it, only drawing the shop again
can say. Whoever checks needs the room's folder and this ecomlib, and nothing of the referee's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from ecomlib.course.game.secret import LUCK_OF_QUARTER, STORE_OF_QUARTER, published_hash, seed_of
from ecomlib.decisions.shop_env import ShopEnv
from ecomlib.decisions.shop_game import Policy
from ecomlib.decisions.shop_policies import attainable_policy
from ecomlib.decisions.shop_quarter import weekly
from ecomlib.decisions.shop_rounds import REFERENCE, RULE, quarter_options, rule_policy
from ecomlib.errors import DataError
from ecomlib.stores.simulated import make_store, settings_for

DIGITS = re.compile(r"\b[0-9a-f]{64}\b")
NEAR = 0.01  # money: weeks.csv is rounded


def verify_quarter(room: Path, size: str = "small", digits: str = "") -> Iterator[str]:
    """Check a quarter from its room's folder, and say step by step what holds.

    Parameters
    ----------
    room : Path
        With ``phrase.txt``, ``README.txt``, ``shop/`` and ``weeks.csv``.
    size : str
        Of the shop.
    digits : str
        The SHA-256 as it was noted before the game; that of ``README.txt`` unless given.

    Yields
    ------
    str
        A sentence for each step that holds.

    Raises
    ------
    DataError
        The first step that does not hold, or the game is not over.
    """
    path = room / "phrase.txt"
    if not path.is_file() or not (room / "weeks.csv").is_file():
        raise DataError("the phrase is not published yet", value=str(path), remedy="play to the end first.")
    phrase = path.read_text(encoding="utf-8").strip("\n")
    found = DIGITS.search(digits.lower() or (room / "README.txt").read_text(encoding="utf-8"))
    if found is None:
        raise DataError("a SHA-256 has 64 hexadecimal digits", value=digits, remedy="copy all of them.")
    if published_hash(phrase) != found[0]:
        raise _not_so("this phrase is not the one whose hash was published", phrase)
    noted = "noted before the game" if digits else "of README.txt; better are digits that you noted before the game"
    yield f"The phrase has the published SHA-256 ({noted})."
    store = make_store(size, seed_of(phrase, STORE_OF_QUARTER), settings=settings_for(size), cache=False)
    env = ShopEnv.from_store(store, **quarter_options(size))
    with TemporaryDirectory() as folder:
        env.opening().to_directory(Path(folder) / "shop")
        drawn = {file.name: file for file in (Path(folder) / "shop").glob("*.parquet")}
        played = {file.name: file for file in (room / "shop").glob("*.parquet")}
        if set(drawn) != set(played):
            raise _not_so("the phrase makes a shop with other tables", ", ".join(sorted(set(drawn) ^ set(played))))
        for name, file in sorted(drawn.items()):
            if not pd.read_parquet(file).equals(pd.read_parquet(played[name])):
                raise _not_so("the phrase makes another shop than the one that was handed out", name)
    yield f"The phrase makes the shop that was handed out: {len(drawn)} tables, to the last digit."
    lines: dict[str, Policy] = {RULE: rule_policy(env), REFERENCE: attainable_policy(env)}
    money = weekly(env, lines, seed_of(phrase, LUCK_OF_QUARTER))
    told = pd.read_csv(room / "weeks.csv")
    for name in lines:
        if len(told) != len(money) or ((told[name] - money[name]).abs() > NEAR).any():
            raise _not_so("the phrase gives this line of the scale other money than weeks.csv does", name)
    yield f"Both ends of the scale earn what was said, in each of {len(money)} weeks."


def _not_so(what: str, value: str) -> DataError:
    return DataError(what, value=value, remedy="ask whoever ran the game; or take the ecomlib that it was run with.")
