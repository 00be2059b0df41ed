"""Windows: a gathered batch equals a slow one made sample by sample; splits, origins, scales, text, faults."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomlib.errors import DataError, LeakageError
from ecomlib.panel import period_start
from ecomlib.windowing import WindowSettings
from ecomlib.windows import WindowSet, split

START = 2_800  # a week of 2023
SCALES = ("none", "mean_abs", "log1p_mean", "log1p_shift")


def make(lengths: list[int], seed: int = 0, missing: float = 0.2, freq: str = "W-MON") -> pd.DataFrame:
    """Series of these lengths that begin in different weeks, with a few unknown periods."""
    rng = np.random.default_rng(seed)
    parts = []
    for k, n in enumerate(lengths):
        begin = START + int(rng.integers(0, 4))
        y = rng.poisson(3, n).astype(float)
        y[rng.random(n) < missing] = np.nan
        parts.append(
            pd.DataFrame(
                {
                    "unique_id": f"s{k:02d}",
                    "product_id": f"p{(0, 2, 1, 1, 2)[k % 5]}",
                    "y": y,
                    "ds": period_start(begin + np.arange(n), freq),
                    "orders": rng.random(n),
                    "price": rng.random(n),
                    "last_year": rng.poisson(4, n).astype(float),
                    "category": "abc"[k % 3],
                    "size": float(k),
                }
            )
        )
    panel = pd.concat(parts, ignore_index=True)
    panel.attrs["freq"] = freq  # as make_panel notes it: series of one row do not tell
    return panel


def slow_scale(s: WindowSettings, known: list[float]) -> float:
    if s.scale == "none":
        return 1.0
    values = [abs(v) if s.scale == "mean_abs" else np.log1p(v) for v in known]
    mean = float(np.mean(values)) if values else 0.0
    return mean if s.scale == "log1p_shift" else max(mean, s.least_scale)


def slow_scaled(s: WindowSettings, units: float, scale: float) -> float:
    if s.scale == "none":
        return units
    if s.scale == "mean_abs":
        return units / scale
    return float(np.log1p(units) / scale if s.scale == "log1p_mean" else np.log1p(units) - scale)


def slow_windows(panel: pd.DataFrame, s: WindowSettings) -> list[dict[str, object]]:
    """One dictionary a window, made with loops."""
    made = []
    for name, series in panel.groupby("unique_id", sort=True):
        rows = series.to_dict("records")
        for first in range(s.least_history, len(rows) - s.horizon + 1):
            ahead = rows[first : first + s.horizon]
            if all(np.isnan(row["y"]) for row in ahead):
                continue
            back = [rows[k] if k >= 0 else None for k in range(first - s.look_back, first)]
            seen = [row is not None and not np.isnan(row["y"]) for row in back]
            scale = slow_scale(s, [row["y"] for row, ok in zip(back, seen, strict=True) if ok])

            def value(row: dict[str, float], column: str, scale: float = scale) -> float:
                return slow_scaled(s, row[column], scale) if column in s.in_units else row[column]

            made.append(
                {
                    "id": name,
                    "ds": [row["ds"] for row in ahead],
                    "seen": seen,
                    "scale": [scale],
                    "x": [[value(r, c) if ok else 0.0 for c in s.past] for r, ok in zip(back, seen, strict=True)],
                    "f": [[value(row, c) for c in s.future] for row in ahead],
                    "z": [
                        rows[0]["size"],
                        *(float(rows[0]["category"] == c) for c in sorted(panel["category"].unique())),
                    ],
                    "y": [0.0 if np.isnan(row["y"]) else row["y"] for row in ahead],
                    "target": [0.0 if np.isnan(row["y"]) else slow_scaled(s, row["y"], scale) for row in ahead],
                    "mask": [not np.isnan(row["y"]) for row in ahead],
                    "product": rows[0]["product_id"],
                }
            )
    return made


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.integers(1, 12), min_size=1, max_size=5),
    st.integers(0, 10_000),
    st.integers(1, 7),
    st.integers(1, 3),
    st.integers(0, 3),
    st.sampled_from(SCALES),
    st.booleans(),
)
def test_batch_equals_sample_by_sample(
    lengths: list[int], seed: int, look_back: int, horizon: int, history: int, scale: str, bare: bool
) -> None:
    panel = make(lengths, seed)
    s = WindowSettings(
        look_back,
        horizon,
        past=("orders", "y"),
        future=() if bare else ("price", "last_year"),
        static=("size", "category"),
        scale=scale,
        least_history=history,  # type: ignore[arg-type]
    )
    vectors = {f"p{k}": np.full(5, k, dtype=np.float32) for k in range(3)}
    found = WindowSet.from_panel(panel, s, vectors, text_key="product_id")
    expected = slow_windows(panel, s)
    assert len(found) == len(expected)
    if not expected:
        return
    generator = np.random.default_rng(seed)
    seen: list[int] = []
    for batch in found.batches(4, generator):
        for row, index in enumerate(batch.index.tolist()):
            want = expected[index]
            for name in ("x", "seen", "f", "z", "y", "target", "mask", "scale"):
                got = getattr(batch, name)[row].numpy()
                np.testing.assert_allclose(
                    got, np.array(want[name]).reshape(got.shape), rtol=2e-5, atol=2e-5, err_msg=name
                )
            assert batch.e is not None and batch.e[row].tolist() == vectors[str(want["product"])].tolist()
        seen += batch.index.tolist()
    assert sorted(seen) == list(range(len(expected))), "every window once"
    frame = found.frame()
    assert frame["unique_id"].tolist() == [w["id"] for w in expected for _ in range(horizon)]
    assert frame["ds"].tolist() == [day for w in expected for day in w["ds"]]  # type: ignore[attr-defined]
    assert (frame["cutoff"] < frame["ds"]).all()
    known = np.concatenate([w["mask"] for w in expected])  # type: ignore[misc]
    assert (frame["y"].notna().to_numpy() == known).all()


@pytest.mark.parametrize("scale", SCALES)
def test_units_invert_scaled(scale: str) -> None:
    s = WindowSettings(scale=scale)  # type: ignore[arg-type]
    units = torch.tensor([[0.0, 1.0, 250.0, 3.5], [0.0, 0.0, 0.0, 7.0]])
    known = torch.tensor([[True, True, True, False], [True, True, True, False]])
    size = s.scale_of(units, known)
    assert torch.equal(size, s.scale_of(units * known, known)), "what is not known does not count"
    assert size.shape == (2, 1) and torch.isfinite(size).all()
    torch.testing.assert_close(s.units(s.scaled(units, size), size), units, rtol=1e-4, atol=1e-4)


def test_an_all_zero_look_back_has_a_finite_scale() -> None:
    panel = make([10], missing=0).assign(y=0.0)
    for scale in SCALES:
        batch = WindowSet.from_panel(panel, WindowSettings(4, 2, scale=scale)).batch(torch.arange(3))  # type: ignore[arg-type]
        assert torch.isfinite(batch.x).all() and torch.isfinite(batch.target).all()


@pytest.mark.parametrize("freq", ["D", "W-MON", "MS"])
def test_at_a_cutoff(freq: str) -> None:
    panel = make([9, 12, 2, 12], missing=0, freq=freq)
    cutoff = pd.Timestamp(period_start(START + 8, freq))
    s = WindowSettings(4, 3, past=("y", "orders"))
    whole = WindowSet.from_panel(panel, s).at(cutoff)
    cut = WindowSet.from_panel(panel[panel["ds"] <= cutoff].reset_index(drop=True), s).at(cutoff)
    # A series that ended before the cutoff is not forecast there.
    ends = panel.groupby("unique_id")["ds"].max()
    assert set(whole.ids[whole.series]) == set(ends.index[ends >= cutoff]) == set(cut.ids[cut.series])
    one, two = whole.batch(torch.arange(len(whole))), cut.batch(torch.arange(len(cut)))
    assert torch.equal(one.x, two.x) and torch.equal(one.scale, two.scale)
    assert not two.mask.any() and one.mask.any()
    frame = cut.frame()
    assert frame["y"].isna().all() and (frame["cutoff"] == cutoff).all()
    step = frame.groupby("unique_id")["ds"].apply(list).iloc[0]
    assert step == [pd.Timestamp(period_start(START + 9 + k, freq)) for k in range(3)]


def test_at_needs_the_rows_of_what_is_known_ahead() -> None:
    panel = make([12], missing=0)
    s = WindowSettings(4, 3, future=("price",))
    last = panel["ds"].max()
    with pytest.raises(DataError, match="ends before the horizon"):
        WindowSet.from_panel(panel, s).at(last)
    ahead = pd.DataFrame(
        {
            "unique_id": "s00",
            "ds": last + pd.to_timedelta([7, 14, 21], unit="D"),
            "price": [1.0, 2.0, 3.0],
        }
    )
    longer = WindowSet.from_panel(pd.concat([panel, ahead], ignore_index=True), s)
    assert longer.at(last).batch(torch.arange(1)).f.squeeze().tolist() == [1, 2, 3]
    assert longer.frame()["cutoff"].max() == last - pd.Timedelta(weeks=1), "no training on an unknown horizon"


def test_a_newcomer_without_history() -> None:
    panel = make([6], missing=0)
    newcomer = WindowSet.from_panel(panel, WindowSettings(4, 2, least_history=0))
    batch = newcomer.batch(torch.arange(1))
    assert not batch.seen.any() and (batch.x == 0).all() and batch.mask.all()
    assert newcomer.frame()["cutoff"].min() == panel["ds"].min() - pd.Timedelta(weeks=1)


@pytest.mark.parametrize("embargo", [0, 2])
def test_split_by_time(embargo: int) -> None:
    panel = make([30, 25, 8], missing=0)
    windows = WindowSet.from_panel(panel, WindowSettings(6, 3))
    end = pd.Timestamp(period_start(START + 15, "W-MON"))
    train, valid = windows.split(end, 6, embargo)
    low, high = end + pd.Timedelta(weeks=embargo), end + pd.Timedelta(weeks=embargo + 6)
    assert train.frame()["ds"].max() == end
    found = valid.frame()["ds"]
    assert found.min() == low + pd.Timedelta(weeks=1) and found.max() == high
    every = windows.frame()
    inside = every.groupby(["unique_id", "cutoff"])["ds"].agg(["min", "max"])
    assert len(train) == (inside["max"] <= end).sum()
    assert len(valid) == ((inside["min"] > low) & (inside["max"] <= high)).sum()
    before, after = split(panel, end, 6, embargo)
    assert before["ds"].max() == end and (after["ds"].min(), after["ds"].max()) == (low + pd.Timedelta(weeks=1), high)
    assert len(before) == (panel["ds"] <= end).sum()


def test_origins_and_between() -> None:
    panel = make([14, 9], missing=0)
    windows = WindowSet.from_panel(panel, WindowSettings(4, 2))
    origins = windows.origins()
    assert list(origins) == sorted(windows.frame()["cutoff"].unique())
    some = windows.between(origins[2], origins[4])
    assert list(some.origins()) == list(origins[2:5])
    assert len(windows.between()) == len(windows)
    at = windows.at(origins[3])
    assert at.frame()[["unique_id", "ds"]].equals(windows.between(origins[3], origins[3]).frame()[["unique_id", "ds"]])


def test_order_of_batches() -> None:
    windows = WindowSet.from_panel(make([30]), WindowSettings(4, 2))
    plain = torch.cat([b.index for b in windows.batches(7)])
    assert plain.tolist() == list(range(len(windows)))

    def drawn(seed: int) -> list[int]:
        return torch.cat([b.index for b in windows.batches(7, torch.Generator().manual_seed(seed))]).tolist()

    before = torch.random.get_rng_state()
    assert drawn(1) == drawn(1) != drawn(2)
    assert torch.equal(before, torch.random.get_rng_state()), "no global state is touched"


def test_levels_of_another_set() -> None:
    s = WindowSettings(3, 1, static=("category",))
    full = WindowSet.from_panel(make([8, 8, 8]), s)
    assert full.levels == {"category": ("a", "b", "c")}
    one = make([8, 8, 8]).query("unique_id == 's02'").reset_index(drop=True)
    same = WindowSet.from_panel(one, s, levels=full.levels)
    assert same.static.tolist() == [[0, 0, 1]]


def test_text_as_a_frame() -> None:
    panel = make([8, 8, 8, 8])
    vectors = pd.DataFrame(np.eye(3, 4), index=["p2", "p0", "p1"])
    windows = WindowSet.from_panel(panel, WindowSettings(3, 1), vectors, text_key="product_id")
    assert windows.text is not None and windows.text.shape == (3, 4), "one row a product, not a series"
    batch = windows.at(panel["ds"].max() - pd.Timedelta(weeks=4)).batch(torch.arange(4))
    assert batch.e is not None and batch.e.dtype == torch.float32
    np.testing.assert_array_equal(batch.e, vectors.loc[["p0", "p2", "p1", "p1"]])


def test_faults_are_named() -> None:
    panel = make([8, 8, 8])
    with pytest.raises(LeakageError, match="orders"):
        WindowSettings(future=("orders",))
    assert WindowSettings(future=("orders",), also_known=("orders",)).future == ("orders",)
    with pytest.raises(DataError, match="at least 1"):
        WindowSettings(look_back=0)
    with pytest.raises(DataError, match="scale"):
        WindowSettings(scale="minmax")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="colour"):
        WindowSet.from_panel(panel, WindowSettings(past=("y", "colour")))
    holes = panel.assign(price=panel["price"].where(panel.index != 4))
    with pytest.raises(DataError, match=r"price.*row 5"):
        WindowSet.from_panel(holes, WindowSettings(future=("price",)))
    with pytest.raises(DataError, match="changes within a series"):
        WindowSet.from_panel(panel, WindowSettings(static=("orders",)))
    with pytest.raises(DataError, match="no text vector"):
        WindowSet.from_panel(panel, WindowSettings(), {"s00": np.ones(3), "s01": np.ones(3)})
    with pytest.raises(DataError, match="sorted"):
        WindowSet.from_panel(panel.iloc[::-1].reset_index(drop=True), WindowSettings())


@pytest.mark.gpu
def test_batches_on_the_device_equal_those_on_the_processor() -> None:
    panel = make([30, 20, 5])
    s = WindowSettings(6, 3, past=("y", "orders"), future=("price",), static=("size",))
    vectors = {f"s{k:02d}": np.full(4, k, dtype=np.float32) for k in range(3)}
    here = WindowSet.from_panel(panel, s, vectors)
    for one, two in zip(here.batches(8), here.batches(8, device="cuda"), strict=True):
        for name in one.__slots__:
            got = getattr(two, name)
            assert got.device.type == "cuda"
            torch.testing.assert_close(got.cpu(), getattr(one, name), rtol=1e-6, atol=1e-6)
    shuffled = here.to("cuda").batches(8, torch.Generator("cuda").manual_seed(0))
    assert sorted(torch.cat([batch.index for batch in shuffled]).tolist()) == list(range(len(here)))


@pytest.mark.parametrize(("freq", "year"), [("W-MON", 52), ("MS", 12)])
def test_last_year_is_no_covariate_for_a_horizon_of_a_year(freq: str, year: int) -> None:
    """The value a year less one period ago is known that far ahead and no farther."""
    ds = pd.date_range("2020-01-01" if freq == "MS" else "2020-01-06", periods=3 * year, freq=freq)
    panel = pd.DataFrame({"unique_id": "a", "ds": ds, "y": 1.0, "last_year_after": 1.0})
    settings = WindowSettings(4, year - 1, future=("last_year_after",))
    assert len(WindowSet.from_panel(panel, settings))
    for horizon, sure in ((year, ()), (year, ("last_year_after",))):
        longer = WindowSettings(4, horizon, future=("last_year_after",), also_known=sure)
        if sure:
            assert len(WindowSet.from_panel(panel, longer))
            continue
        with pytest.raises(LeakageError, match=f"{year - 1} periods ahead"):
            WindowSet.from_panel(panel, longer)
