"""Changes the time step of a panel from days to weeks or months (lesson 01b, section 1)."""

from __future__ import annotations

import pandas as pd

from ecomlib.errors import DataError
from ecomlib.periods import infer_frequency, parse_frequency


def resample(panel: pd.DataFrame, freq: str) -> pd.DataFrame:
    """Add up a daily panel to weeks or months; only full periods are kept (lesson 01b, section 1).

    ``y`` and ``orders`` are added up, other numbers averaged over the days; ``customers`` leaves, since a week's
    customers are not the sum of its days'. A period of which no day is known stays missing: it is not zero. Weeks do
    not fit into months, so the input must be daily.

    Parameters
    ----------
    panel : DataFrame
        Daily, with ``unique_id`` and ``ds``.
    freq : str
        ``"W-MON"`` (weeks from Monday to Sunday, named by their Monday) or ``"MS"``, or another name of theirs.

    Returns
    -------
    DataFrame
        Sorted by ``unique_id, ds``. ``attrs["freq"]`` is the new frequency.

    Raises
    ------
    DataError
        The panel is not daily, or ``freq`` is neither weeks nor months.
    """
    freq = parse_frequency(freq)
    gaps = panel.groupby("unique_id", observed=True)["ds"].diff().dropna().unique()
    daily = all(gap == pd.Timedelta(days=1) for gap in gaps)
    if daily and not len(gaps):  # single rows: the panel must say that they are days
        single = panel["ds"].to_numpy(dtype="datetime64[ns]")
        daily = infer_frequency(single, single[:0] - single[:0], panel.attrs.get("freq")) == "D"
    if freq == "D" or not daily:
        raise DataError(
            "only a daily panel can be added up to weeks (W-MON) or months (MS)",
            column="ds",
            value=freq if not len(gaps) else f"{freq}, step {max(gaps)}",
            remedy="make the panel from the orders with the time step that you need.",
        )
    days = panel["ds"]
    back = days.dt.day_of_week if freq == "W-MON" else days.dt.day - 1
    start = days - pd.to_timedelta(back, unit="D")
    length = 7 if freq == "W-MON" else start.dt.days_in_month
    how = {
        name: "sum" if name in ("y", "orders") else "mean" if pd.api.types.is_numeric_dtype(panel[name]) else "first"
        for name in panel.columns
        if name not in ("unique_id", "ds", "customers")
    }
    groups = panel.assign(ds=start, _length=length).groupby(["unique_id", "ds"], sort=True, observed=True)
    full = (groups["_length"].size() == groups["_length"].first()).to_numpy()
    table = groups.agg(how)
    for name in [name for name, way in how.items() if way == "sum"]:
        table[name] = table[name].where(groups[name].count() > 0)  # pandas adds up nothing to zero
    found = table.reset_index()[full].reset_index(drop=True)[["unique_id", "ds", *how]]
    found.attrs["freq"] = freq
    return found
