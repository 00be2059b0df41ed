"""A service's life from the command line: train, serve, replay, kill -9, train again, promote, roll back, score."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from systems import posix

pytest.importorskip("fastapi")
from serving_help import Server, copy_home, event, free_port, serving, trained_home, until
from typer.testing import CliRunner

from ecomlib.cli.main import app
from ecomlib.errors import DataError
from ecomlib.serving.live import replay, retrain
from ecomlib.serving.live.event_log import EventLog
from ecomlib.serving.release.bundle import open_bundle, registry
from ecomlib.serving.release.inputs import monday, week_of
from ecomlib.serving.release.train import ReleaseSettings
from ecomlib.stores import load_store


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.output


def test_held_out_weeks_are_told_once() -> None:
    """Every order and delivery after the cutoff, in time, under keys that name them."""
    store = load_store("simulated", size="tiny", seed=0).observed()
    cutoff = week_of("2025-05-26")
    events = replay.held_out(store, cutoff)
    orders = store.orders[store.orders["ordered_at"] >= monday(cutoff + 1)]
    told = pd.DataFrame(events)
    assert told["event_key"].is_unique and told["ordered_at"].is_monotonic_increasing
    assert told.loc[told["kind"] == "order", "quantity"].sum() == orders["quantity"].sum()
    came = store.inventory[store.inventory["date"] >= monday(cutoff + 1)]
    assert told.loc[told["kind"] == "delivery", "quantity"].sum() == came["received"].sum() > 0
    assert events == replay.held_out(store, cutoff)
    week = replay.held_out(store, cutoff, 7)
    assert week == events[: len(week)] and week[-1]["ordered_at"] < "2025-06-09" <= events[len(week)]["ordered_at"]


def test_batches_keep_the_shops_time() -> None:
    events = [{"ordered_at": f"2025-06-02T{hour:02d}:00:00"} for hour in range(24)]
    began = time.monotonic()
    paced = list(replay.batches(events, 24 * 3600, 5))
    assert 0.9 < time.monotonic() - began < 3, "a day in a second"
    assert [event for batch in paced for event in batch] == events and max(map(len, paced)) <= 6
    far = [{"ordered_at": f"2025-{month:02d}-01T00:00:00"} for month in range(1, 10)]
    assert [len(batch) for batch in replay.batches(far, 0, 500)] == [1] * 9, "no batch leaps ahead of the clock"


@posix
def test_the_whole_life(tmp_path: Path) -> None:
    home = copy_home(tmp_path / "home")
    with serving(home) as server:
        code, said = run("replay", "--home", str(home), "--url", server.url, "--speed", "0")
        assert code == 0 and "0 of these late" in said
        code, again = run("replay", "--home", str(home), "--url", server.url, "--speed", "0")
        assert code == 0 and ", 0 new" in again, "told twice it does no harm"
        names = [(f"P{p:04d}", r) for p in range(1, 61, 7) for r in ("R01", "R09", "all")]
        before = [server.get(f"/forecast/{p}/{r}") for p, r in names]
        stock = server.get("/replenish?limit=540")
        events = server.get("/overview")["events"]
        table = tmp_path / "all.parquet"
        assert run("forecast", "--home", str(home), "--out", str(table))[0] == 0
        server.kill()
    frame = pd.read_parquet(table)
    assert len(frame) == 60 * 10 * 4
    for (p, r), answer in zip(names, before, strict=True):
        rows = frame[(frame["product_id"] == p) & (frame["region_id"] == r)]
        assert [(w["forecast"], w["low"], w["high"]) for w in answer["weeks"]] == list(
            rows[["forecast", "low", "high"]].itertuples(index=False, name=None)
        ), "batch says what the service says"
    with serving(home) as server:
        assert [server.get(f"/forecast/{p}/{r}") for p, r in names] == before, "kill -9 changes nothing"
        assert server.get("/replenish?limit=540") == stock and server.get("/overview")["events"] == events

        store = load_store("simulated", size="tiny", seed=0).observed()
        made = retrain.retrain(store, home, ReleaseSettings(quick=True))
        assert made.version.number == 2 and registry(home).current().version == 1  # type: ignore[union-attr]
        new, old = open_bundle(home, 2), open_bundle(home, 1)
        assert new.cutoff == old.cutoff + 3, "the running week is not full"
        assert (new.books.units[:, : old.books.units.shape[1]] == old.books.units).all()
        sold = store.orders[store.orders["ordered_at"].between(monday(old.cutoff + 1), monday(new.cutoff + 1))]
        assert new.books.units[:, -3:].sum() == sold["quantity"].sum()
        assert (new.effects["elasticity"] == old.effects["elasticity"]).all()

        assert run("promote", "2", "--home", str(home))[0] == 0
        until(lambda: server.get("/ready")["version"] == 2)
        assert server.get("/forecast/P0001/R01")["version"] == 2
        after = server.get("/replenish?limit=540")["rows"]
        on_hand = {(row["product_id"], row["region_id"]): row["on_hand"] for row in stock["rows"]}
        assert all(on_hand[row["product_id"], row["region_id"]] == row["on_hand"] for row in after), "the same shelves"
        assert run("rollback", "--home", str(home), "--why", "a test")[0] == 0
        until(lambda: server.get("/ready")["version"] == 1)
        assert [server.get(f"/forecast/{p}/{r}") for p, r in names] == before, "and the old answers are back"
        code, said = run("versions", "--home", str(home))
        assert code == 0 and "→ 0001" in said and "a test" in said
        broken = registry(home).publish(lambda folder: (folder / "x").write_text("x") and None).number
        registry(home).promote(broken, "no forecaster")
        until(lambda: "trouble" in server.get("/ready"))
        assert server.get("/forecast/P0001/R01")["version"] == 1, "a broken version does not take over"
        registry(home).roll_back("broken")
        until(lambda: "trouble" not in server.get("/ready"))
        assert server.stop() == 0, "SIGTERM ends it cleanly"


def test_train_again_says_why_not(tmp_path: Path) -> None:
    home = copy_home(tmp_path / "home")
    log = EventLog(f"sqlite:///{home / 'events.db'}")
    log.close()
    code, said = run("train", "--home", str(home), "--no-text", "--model", "naive", "--hold-out", "4")
    assert code == 0 and "0001 is in force" in said and "ecomlib promote 2" in said
    assert "last week was asked for" in said and "not promoted" in said
    assert "version 0002 was not compared with version 0001: 2 origins of 4 weeks" in said and "3 needed" in said
    assert registry(home).versions() == [1, 2]
    with serving(home) as server:
        server.ask("POST", "/events", event("a"))
    code, said = run("train", "--home", str(home), "--no-text")
    assert code == 1 and "no full week has passed" in said


def test_refusals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ECOMLIB_WRITE_KEY", raising=False)
    code, said = run("serve", "--home", str(tmp_path / "none"))
    assert code == 1 and "ecomlib train" in said
    for host in ("0.0.0.0", "192.168.1.9", "shop.example"):
        code, said = run("serve", "--home", str(trained_home()), "--host", host)
        assert code == 1 and "ECOMLIB_WRITE_KEY" in said
    code, said = run("serve", "--home", str(trained_home()), "--database", "mysql://x/y")
    assert code == 1 and "not supported" in said
    code, said = run("replay", "--home", str(trained_home()), "--url", "ftp://x")
    assert code == 1 and "not the address of a service" in said
    assert run("versions", "--home", str(tmp_path))[0] == 1
    assert run("rollback", "--why", "?", "--home", str(trained_home()))[0] == 1
    assert run("promote", "9", "--home", str(trained_home()))[0] == 1
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "uvicorn", None)
        code, said = run("serve", "--home", str(trained_home()))
        assert code == 1 and 'pip install "ecomlib[serve]"' in said
    monkeypatch.setattr(replay, "_AT_FIRST", 0.5)
    with pytest.raises(DataError, match="does not answer"):
        replay.replay([event("a")], f"http://127.0.0.1:{free_port()}", progress=False)


def test_a_taken_port_ends_soon(tmp_path: Path) -> None:
    home = copy_home(tmp_path / "home")
    with serving(home) as server:
        other = Server(home, port=server.port)
        assert other.process.wait(30) != 0


def test_the_service_is_small_and_does_not_load_torch(tmp_path: Path) -> None:
    home = copy_home(tmp_path / "home")
    code = (
        "import sys; from ecomlib.serving.live.app import create_app\n"
        f"create_app({str(home)!r})\n"
        "heavy = ('torch', 'transformers', 'statsmodels', 'statsforecast', 'pandera')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ})
    assert said.stdout.strip() == "[]"
    heavy = ("fastapi", "torch", "onnxruntime", "sqlalchemy")
    light = f"import sys, ecomlib.serving, ecomlib.cli.main; print([n for n in {heavy} if n in sys.modules])"
    said = subprocess.run([sys.executable, "-c", light], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_a_real_shop_without_prices_or_stock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The publisher's files (look-alikes of them): countries are regions, and what needs prices says so."""
    import lookalike

    monkeypatch.setenv("ECOMLIB_DATA_DIR", str(lookalike.write_all(tmp_path / "data")))
    home = tmp_path / "home"
    code, said = run("train", "--store", "online_retail", "--home", str(home), "--hold-out", "2", "--epochs", "1")
    assert code == 0 and "version 0001 is in force" in said
    with serving(home) as server:
        catalogue = server.get("/catalogue")
        country = next(r["region_id"] for r in catalogue["regions"] if " " in r["region_id"])
        product = catalogue["products"][0]["product_id"]
        path = f"/forecast/{product}/{country.replace(' ', '%20')}"
        assert server.get(path)["region_id"] == country and len(server.get(path)["weeks"]) == 4
        assert run("replay", "--home", str(home), "--url", server.url, "--speed", "0")[0] == 0
        seen = server.get("/overview")
        assert seen["events"] > 0 and seen["drift"]["says"] and len(seen["alerts"]) == 10
        row = server.get("/replenish?limit=1")["rows"][0]
        assert row["on_hand"] is None and row["alert"] is None and row["order"] > 0
        status, refusal = server.ask("POST", "/whatif", {"product_id": product, "price": 2.0})
        assert status == 409 and "hold no prices" in refusal["detail"][0]["msg"]


@pytest.mark.slow
def test_an_installed_wheel_trains_and_serves_in_an_empty_folder(tmp_path: Path) -> None:
    """Built from a copy of the checkout, installed into a fresh environment that borrows only the libraries."""
    import shutil
    import sysconfig
    import venv

    root = Path(__file__).resolve().parents[2]
    leave = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "tests", "__pycache__")
    source = shutil.copytree(root, tmp_path / "source", ignore=leave)
    pip, there = [sys.executable, "-m", "pip", "--quiet"], tmp_path / "venv"
    made = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path), str(source)]
    subprocess.run([*pip, *made], check=True, capture_output=True)
    shutil.rmtree(source)
    venv.create(there, with_pip=False)
    python = there / "bin" / "python"
    (wheel,) = tmp_path.glob("*.whl")
    subprocess.run([*pip[:3], "--python", str(python), "install", "--quiet", "--no-deps", str(wheel)], check=True)
    (site,) = (there / "lib").glob("python*/site-packages")
    (site / "libraries.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    empty = tmp_path / "empty"
    empty.mkdir()
    command = [str(there / "bin" / "ecomlib"), "train", "--size", "tiny", "--no-text", "--epochs", "1"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(command, cwd=empty, check=True, capture_output=True, env=environment)
    assert [path.name for path in empty.iterdir()] == ["ecomlib-home"]
    server = Server(empty / "ecomlib-home", python=str(python), cwd=empty)
    try:
        server.wait()
        assert len(server.get("/forecast/P0001/R01")["weeks"]) == 4
        assert "<html" in server.ask("GET", "/")[1] and server.ask("GET", "/assets/control_room.js")[0] == 200
        assert server.stop() == 0
    finally:
        server.kill()
