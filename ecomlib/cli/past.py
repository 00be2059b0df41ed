"""Says so where a command forecasts periods that are over: nobody orders for last month."""

from __future__ import annotations

import datetime
import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from ecomlib.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

    from ecomlib.stores import Store

Command = TypeVar("Command", bound=Callable[..., Any])
Past = Annotated[bool, typer.Option("--past", help="Forecast weeks that are over, too, without a warning.")]
_WORDS = {"D": "days", "W-MON": "weeks", "MS": "months"}


def today() -> pd.Timestamp:
    """Return the day that it is, by this machine's clock."""
    import pandas as pd

    return pd.Timestamp(datetime.date.today())


def is_folder(store: str) -> bool:
    """Tell whether a store is a user's own folder; that registered ones lie in the past is no surprise."""
    from ecomlib.stores import registry

    place = Path(store)
    return registry.entry(store) is None and (place.is_absolute() or place.is_dir())


def note_end(source: dict[str, Any], store: Store) -> None:
    """Note beside a folder's name where its full weeks end, for the version that is made of it."""
    if is_folder(str(source["store"])):
        source["full_until"] = full_until(store)


def full_until(store: Store) -> str:
    """Return the day after the last week that a store's tables hold whole, for a version to note."""
    from ecomlib.serving.release.inputs import monday
    from ecomlib.serving.release.snapshot import last_full_week

    return f"{monday(last_full_week(store) + 1):%Y-%m-%d}"


def over(periods: Any, freq: str, now: pd.Timestamp) -> int:
    """Count the periods that have ended by the beginning of a day.

    Examples
    --------
    >>> import pandas as pd
    >>> weeks = pd.to_datetime(["2023-10-02", "2023-10-09"])
    >>> over(weeks, "W-MON", pd.Timestamp("2023-10-15")), over(weeks, "W-MON", pd.Timestamp("2023-10-16"))
    (1, 2)
    """
    from ecomlib.periods import period_index, period_start

    return int((period_start(period_index(periods, freq) + 1, freq) <= now.to_datetime64()).sum())


@dataclass(frozen=True)
class Caution:
    """What is to be said of a forecast of periods that are over: the problem, what to do, and whether all are known."""

    problem: str
    remedy: str
    all_known: bool

    def warn(self) -> None:
        """Say it on stderr."""
        typer.echo(f"ecomlib: CAUTION: {self.problem}. What to do: {self.remedy}.", err=True)


def caution(periods: Any, freq: str, source: Mapping[str, Any], home: str = "") -> Caution | None:
    """Look whether some periods of a forecast are over, by the tables that it was made from or by today's date.

    Parameters
    ----------
    periods : datetimes
        The periods to be forecast, each by its first day.
    freq : str
        Their frequency.
    source : mapping
        The ``store``, and ``full_until`` where a version noted it.
    home : str
        The options that name the home in a command, where the forecast comes from one.

    Returns
    -------
    Caution or None
        None where none is over, and for stores that are no folder of a user's.
    """
    import pandas as pd

    days = pd.DatetimeIndex(periods).unique().sort_values()
    if not len(days) or not is_folder(str(source.get("store", ""))):
        return None
    held = over(days, freq, pd.Timestamp(source["full_until"])) if "full_until" in source else 0
    gone = max(over(days, freq, today()), held)
    if not gone:
        return None
    what = f"these are forecasts of {_WORDS[freq]} that are over: {gone} of {len(days)}, from {days[0]:%Y-%m-%d}"
    if held:
        end = pd.Timestamp(source["full_until"]) - pd.Timedelta(days=1)
        train = f"ecomlib train{home} --hold-out 0"
        how = f"before you order, {train}, or tell them to a running service, ecomlib replay{home}"
        return Caution(f"{what}; the tables know what was sold, up to {end:%Y-%m-%d}", how, held == len(days))
    why = f"nothing is known of them, and today is {today():%Y-%m-%d}"
    how = "before you order, export newer tables, then run the command again with --store FOLDER"
    return Caution(f"{what}; {why}", how, False)


def look(periods: Any, freq: str, source: Mapping[str, Any], *, past: bool, home: str = "") -> None:
    """Warn of a forecast of periods that are over, and refuse one that the tables know whole; neither with ``past``.

    Raises
    ------
    DataError
        The tables hold every period of the forecast.
    """
    found = None if past else caution(periods, freq, source, home)
    if found is None:
        return
    if found.all_known:
        raise DataError(found.problem, remedy=f"{found.remedy}; where they are wanted, say --past.")
    found.warn()


def cautious(train: Command) -> Command:
    """Decorate the command that trains: it says on stderr where the weeks that its version forecasts are over.

    Its training was asked for all the same, so nothing is refused.
    """

    @functools.wraps(train)
    def wrapped(*arguments: Any, **options: Any) -> Any:
        result = train(*arguments, **options)
        given = inspect.signature(train).bind(*arguments, **options)
        given.apply_defaults()
        home: Path = given.arguments["home"]
        usual: Any = inspect.signature(train).parameters["home"].default
        from ecomlib.serving.release.bundle import open_bundle, registry
        from ecomlib.serving.release.inputs import monday

        made = open_bundle(home, registry(home).versions()[-1])
        weeks = [monday(made.cutoff + 1 + step) for step in range(made.horizon)]
        if found := caution(weeks, "W-MON", made.settings["source"], option(home, usual)):
            found.warn()
        return result

    return wrapped  # type: ignore[return-value]


def option(home: Path, usual: Path) -> str:
    """Write the option that names a home in a command, with a blank before it; nothing for the usual one."""
    return "" if home == usual else f" --home {home}"


def source_of(home: Path) -> dict[str, Any]:
    """Read off the version in force which store it was made from."""
    from ecomlib.serving.release.bundle import open_bundle

    return dict(open_bundle(home).settings["source"])
