"""A version of each candidate: plain files, a trial beside what serves, a card that says on what evidence."""

from __future__ import annotations

import json
import pickle
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pandas as pd
import pytest
from weekly_shop import FIRST, weekly_shop

pytest.importorskip("onnxruntime")
pytest.importorskip("lightgbm")
pytest.importorskip("fastapi")
pytest.importorskip("httpx")
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from ecomlib.cli.main import app
from ecomlib.errors import DataError, MissingDependencyError
from ecomlib.serving.live.app import create_app
from ecomlib.serving.release.bundle import open_bundle, registry
from ecomlib.serving.release.candidates import NAMES, WORDS
from ecomlib.serving.release.inputs import monday, week_of
from ecomlib.serving.release.train import ReleaseSettings, Trained, train
from ecomlib.stores import Store

FAST = ReleaseSettings(epochs=1, effects=False)
LEARNS = ("exponential_smoothing", "trees", "gru", "average")  # the others hold no more than a number of weeks
TOLD: list[str] = []


def units(weeks: int = 60, products: int = 6) -> np.ndarray:
    rng = np.random.default_rng(1)
    season = 1 + 0.5 * np.sin(np.arange(weeks) * 2 * np.pi / 52)
    return np.asarray(rng.poisson(rng.uniform(10, 60, (products, 1)) * season)).astype(float)


@cache
def made(model: str | None) -> tuple[Path, Trained]:
    """A home whose first version is made of this candidate, or of that which was chosen; made once."""
    home = Path(mkdtemp(prefix="ecomlib-candidates-"))
    HOMES.append(home)
    said = train(weekly_shop(units()), home, replace(FAST, model=model), say=TOLD.append if model is None else str)
    registry(home).promote(1, "a test")
    return home, said


HOMES: list[Path] = []


@pytest.fixture(scope="module", autouse=True)
def swept() -> Iterator[None]:
    yield
    made.cache_clear()
    while HOMES:
        shutil.rmtree(HOMES.pop(), ignore_errors=True)


@pytest.fixture
def copied(tmp_path: Path):  # type: ignore[no-untyped-def]
    return lambda model: Path(shutil.copytree(made(model)[0], tmp_path / model))


# --- files ------------------------------------------------------------------------------------------------------------


def parse(path: Path) -> str:
    """Read a file as what its suffix says; fails where it is not that."""
    if path.suffix == ".json":
        json.loads(path.read_text(encoding="utf-8"), parse_constant=no_constant)
    elif path.suffix == ".parquet":
        pd.read_parquet(path)
    elif path.suffix == ".txt":
        import lightgbm

        assert lightgbm.Booster(model_str=path.read_text(encoding="utf-8")).num_trees() > 0
    elif path.suffix == ".onnx":
        import onnxruntime

        onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    else:
        raise AssertionError(f"{path.name} is of no kind that a version may hold")
    return path.suffix


def no_constant(name: str) -> Any:
    raise AssertionError(f"{name} is no JSON")


def pickled(content: bytes) -> bool:
    """Say whether bytes begin as a pickle does, or can be read as one."""
    if content[:1] == b"\x80" and content[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return True
    try:
        pickle.loads(content)
    except Exception:  # whatever a pickle's reader says of what is none
        return False
    return True


@pytest.mark.parametrize("model", NAMES)
def test_no_file_of_a_version_is_a_pickle(model: str) -> None:
    folder = registry(made(model)[0]).open(1).path
    files = [path for path in folder.rglob("*") if path.is_file()]
    kinds = {parse(path) for path in files}
    expected = {"trees": {".txt"}, "gru": {".txt", ".onnx"}, "average": {".txt", ".onnx"}}
    assert kinds == {".json", ".parquet"} | expected.get(model, set())
    assert len(files) > 10 and not any(pickled(path.read_bytes()) for path in files)


def test_a_pickle_would_be_found(tmp_path: Path) -> None:
    for protocol in range(6):
        assert pickled(pickle.dumps({"a": [1.5, "b"]}, protocol=protocol)), protocol
    (tmp_path / "x.bin").write_bytes(b"\x00\x01")
    with pytest.raises(AssertionError, match="no kind"):
        parse(tmp_path / "x.bin")
    (tmp_path / "x.json").write_text('{"a": NaN}')
    with pytest.raises(AssertionError, match="no JSON"):
        parse(tmp_path / "x.json")


# --- what serves, and its trial ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", NAMES)
def test_a_version_opens_and_says_what_was_fitted(model: str) -> None:
    home, said = made(model)
    bundle = open_bundle(home)
    assert bundle.settings["model"] == model and bundle.settings["reason"] == f"{WORDS[model]} was asked for"
    books = bundle.books
    theirs = bundle.forecast(books, books.last)[0]
    np.testing.assert_array_equal(theirs, said.fitted.frozen.forecast(said.books, said.books.last))
    assert theirs.shape == (6, 4) and (theirs >= 0).all() and theirs.sum() > 0
    assert bundle.mean(books, books.last).shape == (6, 4)
    if model == "naive":
        assert (theirs == units()[:, -1:]).all()
    if model == "window_mean":
        np.testing.assert_allclose(theirs, np.repeat(units()[:, -8:].mean(axis=1)[:, None], 4, axis=1))
    if model == "seasonal_naive":
        assert (theirs == units()[:, 60 - 52 : 64 - 52]).all()


@pytest.mark.parametrize("model", NAMES)
def test_before_the_cutoff_its_trial_answers(model: str) -> None:
    """What serves was fitted on those weeks: forecasts from them would look too good."""
    home, said = made(model)
    bundle = open_bundle(home)
    assert bundle.trial is not None and bundle.settings["calibrated_weeks"] == 16
    origins = [bundle.cutoff - 16, bundle.cutoff - 1]
    assert said.choice.origins[0] == origins[0]
    for origin in origins:
        asked = bundle.forecast(bundle.books, origin)[0]
        np.testing.assert_array_equal(asked, said.choice.trial.frozen.forecast(bundle.books, origin))
        if model in LEARNS:
            assert (asked != bundle.forecaster.forecast(bundle.books, origin)).any()


@pytest.mark.parametrize("model", LEARNS)
def test_what_serves_knows_all_weeks_and_the_trial_does_not(model: str, tmp_path: Path) -> None:
    """Other units after the first origin: the trial's files stay the same to the last bit, what serves does not."""
    later = units()
    later[:, -16:] = np.random.default_rng(2).integers(1, 200, (6, 16))
    other = train(weekly_shop(later), tmp_path, replace(FAST, model=model)).version
    files = [one.card["files"] for one in (made(model)[1].version, other)]
    trial = {name for name in files[0] if name.startswith("trial/")}
    assert trial and {name: files[0][name] for name in trial} == {name: files[1][name] for name in trial}
    main = {name.removeprefix("trial/") for name in trial if not name.endswith("forecaster.json")}
    assert all(files[0][name] != files[1][name] for name in main | {"weeks.parquet"})
    if not main:
        assert files[0]["forecaster.json"] != files[1]["forecaster.json"]


def test_hold_out_is_not_seen(tmp_path: Path) -> None:
    later = units()
    later[:, -4:] = 999
    versions = [
        train(weekly_shop(table), tmp_path / str(k), replace(FAST, hold_out=4, quick=True)).version
        for k, table in enumerate((units(), later))
    ]
    assert versions[0].card["files"] == versions[1].card["files"]
    assert versions[0].card["notes"]["cutoff"] == f"{FIRST + pd.Timedelta(weeks=55):%Y-%m-%d}"


# --- the card ---------------------------------------------------------------------------------------------------------


def test_the_card_says_what_was_chosen_and_why() -> None:
    home, said = made(None)
    notes = registry(home).open(1).card["notes"]
    assert (notes["format"], notes["horizon"], notes["frequency"]) == (3, 4, "W-MON")
    assert [row["model"] for row in notes["candidates"]] == list(NAMES)
    held = {"model", "wape", "bias", "bias_mean", "money"}
    held |= {"coverage", "coverage_weighted", "coverage_large", "coverage_top"}
    assert all(set(row) == held and row["money"] is None for row in notes["candidates"]), "the shop has no unit costs"
    last = week_of(FIRST) + 59
    assert notes["origins"] == [f"{monday(last - back):%Y-%m-%d}" for back in (16, 12, 8, 4)]
    assert notes["model"] == said.choice.name and notes["reason"] == said.choice.reason
    wape = {row["model"]: row["wape"] for row in notes["candidates"]}
    assert notes["wape"] == {"model": wape[notes["model"]], "naive": wape["window_mean"]}
    sold = units()[:, -16:-4]
    mean = np.stack([units()[:, at - 8 : at].mean(axis=1) for at in (44, 48, 52)], axis=1)
    off = np.abs(np.repeat(mean, 4, axis=1) - sold).sum()
    assert wape["window_mean"] == pytest.approx(off / sold.sum(), abs=5e-5)
    assert notes["plan"]["hold_out"] == 0 and notes["products"] == 6 and notes["regions"] == 1


def test_what_is_said_is_the_table_and_the_reason() -> None:
    _, said = made(None)
    text = "\n".join(TOLD)
    assert "6 products, 60 full weeks up to" in text and said.choice.reason in TOLD
    for name in NAMES:
        line = next(line for line in TOLD if line[2:19].strip() == WORDS[name])
        assert line.startswith("→") == (name == said.choice.name)
    assert TOLD[-1] == f"published as version 0001: {WORDS[said.choice.name]}"


# --- a library that is not there --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "absent"),
    [("trees", "lightgbm"), ("gru", "onnxruntime"), ("average", "lightgbm"), ("average", "onnxruntime")],
)
def test_a_version_without_its_library_is_refused(model: str, absent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    home, _ = made(model)
    monkeypatch.setitem(sys.modules, absent, None)
    sentence = rf'this version needs {absent}, which is not installed.*"ecomlib\[serve\]"'
    with pytest.raises(MissingDependencyError, match=sentence):
        open_bundle(home)
    with pytest.raises(MissingDependencyError, match=sentence):
        create_app(home)


@pytest.mark.parametrize("model", ["naive", "window_mean", "seasonal_naive", "exponential_smoothing"])
def test_rules_need_no_library(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    home, _ = made(model)
    for absent in ("lightgbm", "onnxruntime", "statsforecast", "torch"):
        monkeypatch.setitem(sys.modules, absent, None)
    bundle = open_bundle(home)
    assert np.isfinite(bundle.forecast(bundle.books, bundle.cutoff)[0]).all()


# --- answers ----------------------------------------------------------------------------------------------------------


def asked(client: TestClient, path: str) -> Any:
    answer = client.get(path)
    assert answer.status_code == 200, (path, answer.text)
    return json.loads(answer.text, parse_constant=no_constant)


@pytest.mark.parametrize("model", NAMES)
def test_each_is_served(model: str, copied) -> None:  # type: ignore[no-untyped-def]
    """Before and after an order of a week that was not known."""
    home = copied(model)
    with TestClient(create_app(home)) as client:
        before = asked(client, "/forecast/p0/all")
        bundle = open_bundle(home)
        expected = bundle.forecast(bundle.books, bundle.cutoff)[0][0]
        assert [week["forecast"] for week in before["weeks"]] == pytest.approx(expected, abs=6e-4)
        assert all(week["low"] <= week["forecast"] <= week["high"] for week in before["weeks"])
        for week in (0, 1):
            when = FIRST + pd.Timedelta(weeks=60 + week, hours=10)
            order = {
                "event_key": f"a{week}",
                "product_id": "p0",
                "region_id": "all",
                "ordered_at": f"{when:%Y-%m-%dT%H:%M:%S}",
            }
            answer = client.post("/events", json=order | {"quantity": 400, "unit_price": 2.5})
            assert answer.json()["new"] == 1, answer.text
        after = asked(client, "/forecast/p0/all")
        assert after["weeks"][0]["week"] > before["weeks"][0]["week"]
        if model in ("naive", "window_mean"):
            assert after["weeks"][1]["forecast"] > before["weeks"][1]["forecast"] + 30


def test_what_is_not_calibrated_says_so(tmp_path: Path) -> None:
    train(weekly_shop(units(20)), tmp_path, FAST)
    registry(tmp_path).promote(1, "a test")
    with TestClient(create_app(tmp_path)) as client:
        answer = asked(client, "/forecast/p0/all")
        assert answer["interval"] == "unknown: not calibrated: the history is too short"
        assert all(week["low"] is None and week["high"] is None for week in answer["weeks"])
        mean = units(20)[0, -8:].mean()
        assert [week["forecast"] for week in answer["weeks"]] == pytest.approx([mean] * 4, abs=6e-4)
        asked(client, "/overview")
        asked(client, "/drift")


def test_twenty_products_and_eighteen_weeks_are_ordered_for(tmp_path: Path) -> None:
    """One origin, twenty products: orders come from errors of two weeks, or there is a reason why there are none."""
    table = units(18, 20)
    train(weekly_shop(table), tmp_path, FAST)
    registry(tmp_path).promote(1, "a test")
    bundle = open_bundle(tmp_path)
    assert bundle.settings["model"] == "window_mean" and set(bundle.order_errors["region_id"]) == {"all"}
    with TestClient(create_app(tmp_path)) as client:
        for ratio in (1, 3, 50):
            rows = asked(client, f"/replenish?ratio={ratio}&limit=1000")["rows"]
            assert len(rows) == 20
            for row in rows:
                if row["order"] is None:
                    assert row["reason"].startswith("unknown: ")
                else:
                    assert row["order"] >= 0 and "reason" not in row
            known = [row["order"] is not None for row in rows]
            assert all(known) if ratio < 10 else not any(known), "19 in 20 is known from twenty errors, 50 in 51 is not"
        rows = asked(client, "/replenish?ratio=3&limit=1000")["rows"]
        expected = table[:, -8:].mean(axis=1).sum() * 2
        assert sum(row["expected"] for row in rows) == pytest.approx(expected, rel=0.01)
        assert sum(row["order"] for row in rows) > 0.9 * expected


# --- the command line -------------------------------------------------------------------------------------------------


def folder(store: Store, target: Path) -> Path:
    target.mkdir()
    store.products.to_csv(target / "products.csv", index=False)
    store.orders.to_csv(target / "orders.csv", index=False)
    return target


def run(*arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments))
    assert done.exit_code == 0, done.output
    return done.output


def test_train_prints_what_it_chose_and_versions_keep_it(tmp_path: Path) -> None:
    shop, home = folder(weekly_shop(units(30)), tmp_path / "shop"), tmp_path / "home"
    command = ("train", "--store", str(shop), "--home", str(home), "--no-text")
    said = run(*command, "--quick")
    for name in ("naive", "window_mean", "exponential_smoothing", "trees"):
        assert WORDS[name] in said
    assert WORDS["gru"] not in said and "30 full weeks" in said, "no week is held out, no network is fitted"
    assert "WAPE" in said and "version 0001 is in force" in said
    lines = said.splitlines()
    at = next(at for at, line in enumerate(lines) if line.startswith("WAPE over all origins: "))
    beside, sentence = lines[at : at + 2]
    assert lines[at + 2].startswith("ecomlib: CAUTION") and len(lines) == at + 3, (
        "its weeks are over: the tables are old"
    )
    assert "last week 0." in beside and "the mean of 8 weeks" in beside
    assert sentence == registry(home).card(1)["notes"]["answer"] and sentence.startswith("shop: 6 products, 4 origins")
    first = open_bundle(home)
    assert first.settings["reason"] in " ".join(said.split()) and first.cutoff == week_of(FIRST) + 29
    asked = run(*command, "--model", "naive", "--hold-out", "3")
    assert "last week was asked for" in asked and "27 full weeks" in asked and "version 0001 is in force" in asked
    usable = registry(home).card(2)["notes"]["usable"]
    assert ("Do not use this yet" in asked) == (not usable)
    listed = run("versions", "--home", str(home)).splitlines()
    for number, line in enumerate(listed[:2], start=1):
        notes = registry(home).card(number)["notes"]
        wape = notes["wape"]
        assert f"{WORDS[notes['model']]}, WAPE {wape['model']} (mean of 8 {wape['naive']})" in line
        assert line.endswith("do not use this yet") != notes["usable"]
    assert listed[0].startswith("→ 0001") and "last week" in listed[1]
    refused = CliRunner().invoke(app, [*command, "--model", "prophet"])
    assert refused.exit_code == 1 and "cannot be published" in refused.output and "seasonal_naive" in refused.output


def test_the_help_names_all_candidates() -> None:
    done = CliRunner().invoke(app, ["train", "--help"], env={"COLUMNS": "400", "TERMINAL_WIDTH": "400"})
    said = " ".join(done.output.split())  # wherever its lines break
    assert done.exit_code == 0 and all(name in said for name in NAMES)
    assert "--quick" in said and "for a replay" in said


def test_a_replay_without_held_out_weeks_says_what_to_do(tmp_path: Path) -> None:
    shop, home = folder(weekly_shop(units(16)), tmp_path / "shop"), tmp_path / "home"
    run("train", "--store", str(shop), "--home", str(home), "--no-text")
    done = CliRunner().invoke(app, ["replay", "--home", str(home), "--url", "http://127.0.0.1:9"])
    assert done.exit_code == 1 and "no week was held out" in done.output and "--hold-out 4" in done.output


def test_no_network_no_torch_model() -> None:
    _, said = made("trees")
    with pytest.raises(DataError, match=r'no network, but trees.*model="gru"'):
        _ = said.model
    assert made("gru")[1].model is not None
