"""Asks a causal graph whether a set of variables closes every back door (lesson 03, section 2)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ecomlib.errors import DataError

Arrows = Sequence[tuple[str, str]]

_SHOP: tuple[tuple[str, str], ...] = (
    ("words", "price"),
    ("words", "units"),
    ("season", "price"),
    ("season", "units"),
    ("test", "price"),
    ("fashion", "promotion"),
    ("fashion", "units"),
    ("season", "promotion"),
    ("promotion", "price"),
    ("promotion", "buyers"),
    ("price", "buyers"),
    ("buyers", "units"),
    ("price", "revenue"),
    ("units", "revenue"),
    ("units", "empty shelf"),
)


def shop_arrows(*, censored: bool = False) -> list[tuple[str, str]]:
    """List the arrows of the simulated shop's graph as (cause, effect) (lesson 03, section 2).

    ``censored``: what the shop sees are units *sold*, which what is wanted moves, and an empty shelf cuts short. The
    outcome is then "units sold", and "units" (wanted), of which the shelf runs out, is between.
    """
    if not censored:
        return list(_SHOP)
    # What is sold earns the revenue; what was wanted is seen by nobody.
    kept = [arrow for arrow in _SHOP if arrow != ("units", "revenue")]
    return [*kept, ("units", "units sold"), ("empty shelf", "units sold"), ("units sold", "revenue")]


def suffices(arrows: Arrows, treatment: str, outcome: str, given: Iterable[str]) -> bool:
    """Tell whether holding ``given`` constant lets the treatment's effect be seen (lesson 03, section 2).

    Pearl's (1993) back-door criterion: nothing in the set comes after the treatment, and the set closes every path
    between the two that enters the treatment by an arrow. Often more than one set does.

    Raises
    ------
    DataError
        A name that is not in the graph, the treatment or the outcome in the set, or a circle of arrows.
    """
    return back_door_fault(arrows, treatment, outcome, given) is None


def back_door_fault(arrows: Arrows, treatment: str, outcome: str, given: Iterable[str]) -> str | None:
    """Say in a sentence why holding ``given`` constant does not suffice; None where it does (lesson 03, section 2)."""
    held = set(given)
    _check(arrows, treatment, outcome, held)
    if after := sorted(_before({treatment}, [(effect, cause) for cause, effect in arrows]) & held):
        return f"{', '.join(after)}: the treatment moves it, so that holding it still blocks or bends the effect."
    into = [arrow for arrow in arrows if arrow[0] != treatment]  # only the paths that enter the treatment are left
    if separated(into, treatment, outcome, held):
        return None
    path = _open_path(into, treatment, outcome, held)
    return f"a back door is open: {' – '.join(path)}."


def separated(arrows: Arrows, one: str, other: str, given: Iterable[str]) -> bool:
    """Tell whether two variables are d-separated by ``given``: no path between them is open (lesson 03, section 2).

    A path is closed by a variable held constant, or by a collider on it (two arrows meet) of which neither itself nor
    anything that it moves is held constant (Geiger, Verma & Pearl 1990).
    """
    held = set(given)
    return not _open_path(arrows, one, other, held)


def _open_path(arrows: Arrows, start: str, end: str, held: set[str]) -> list[str]:
    """The shortest open path, empty if there is none."""
    opened = held | _before(held, arrows)  # a collider among these lets its path through
    ways: list[tuple[str, bool, tuple[str, ...]]] = [(start, False, (start,))]  # name, entered by an arrow into it
    seen = set()
    while ways:
        name, into, path = ways.pop(0)
        if name == end:
            return list(path)
        if (name, into) in seen:
            continue
        seen.add((name, into))
        for cause, effect in arrows:
            # Onwards along an arrow: the variable is no collider here, and lets through unless it is held.
            if cause == name and (name == start or name not in held):
                ways.append((effect, True, (*path, effect)))
            # Back against an arrow: a collider if we came in by one.
            if effect == name and (name == start or (name in opened if into else name not in held)):
                ways.append((cause, False, (*path, cause)))
    return []


def _before(names: set[str], arrows: Arrows) -> set[str]:
    """All variables from which a directed path leads to one of ``names``."""
    found: set[str] = set()
    ahead = {cause for cause, effect in arrows if effect in names}
    while ahead:
        found |= ahead
        ahead = {cause for cause, effect in arrows if effect in ahead} - found
    return found


def _check(arrows: Arrows, treatment: str, outcome: str, held: set[str]) -> None:
    names = {name for arrow in arrows for name in arrow}
    if unknown := sorted(({treatment, outcome} | held) - names):
        raise DataError("not in the graph", table="arrows", value=", ".join(unknown), remedy=f"known: {sorted(names)}.")
    if {treatment, outcome} & held or treatment == outcome:
        remedy = "hold other variables constant."
        raise DataError("treatment and outcome cannot be held constant", value=", ".join(sorted(held)), remedy=remedy)
    if circle := sorted(name for name in names if name in _before({name}, arrows)):
        remedy = "let no arrow lead back."
        raise DataError("the arrows go in a circle", table="arrows", value=", ".join(circle), remedy=remedy)
