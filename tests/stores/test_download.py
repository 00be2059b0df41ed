"""Fetching: whole or not at all, from servers that stall, cut off and lie, and from processes that are killed."""

from __future__ import annotations

import contextlib
import http.server
import json
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import lookalike
import pandas as pd
import pytest
from systems import posix

from ecomlib import folders
from ecomlib.errors import DataError, DownloadError, EcomlibError, MissingDependencyError
from ecomlib.stores.published import download, online_retail

QUICK = {"progress": False, "timeout": (2.0, 0.5), "tries": 1}


@dataclass
class Server:
    """A loopback server with one behaviour a file: serve, 404, html, cut (a third arrives), stall, short, wrong."""

    folder: Path
    behaviour: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    state = Server(tmp_path / "served")
    state.folder.mkdir()
    done = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.lstrip("/")
            state.asked.append(name)
            how = state.behaviour.get(name, state.behaviour.get("*", "serve"))
            if how.startswith("once "):
                state.behaviour.pop(name)
                how = how.removeprefix("once ")
            if how == "404":
                self.send_error(404)
                return
            body = b"<!DOCTYPE html><p>Sign in" if how == "html" else (state.folder / name).read_bytes()
            self.send_response(200)
            length = len(body) // 2 if how == "short" else len(body)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(body[: len(body) // 3 if how in ("cut", "stall") else length])
            if how == "stall":
                self.wfile.flush()
                done.wait(30)

        def log_message(self, *args: object) -> None:
            pass

    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    state.url = f"http://127.0.0.1:{httpd.server_port}"
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    yield state
    done.set()
    httpd.shutdown()
    httpd.server_close()


@pytest.fixture(scope="module")
def shop() -> lookalike.Shop:
    return lookalike.online_retail()


@pytest.fixture(scope="module")
def archives(shop: lookalike.Shop, tmp_path_factory) -> dict[str, bytes]:
    """The publisher's two zip files, with the look-alike's workbooks inside."""
    folder, made = tmp_path_factory.mktemp("archives"), {}
    editions = {
        "online+retail+ii.zip": ("online_retail_II.xlsx", lookalike.second_edition(shop)),
        "online+retail.zip": ("Online Retail.xlsx", {"Online Retail": shop.second}),
    }
    for name, (member, sheets) in editions.items():
        lookalike.write_workbook(folder / member, sheets)
        with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(folder / member, member)
        made[name] = (folder / name).read_bytes()
    return made


@pytest.fixture
def place(tmp_path: Path, monkeypatch, server: Server, archives, shop) -> Path:
    """An empty data folder, a server that has the shop, and a registry that knows the look-alike's fingerprint."""
    for name, content in archives.items():
        (server.folder / name).write_bytes(content)
    known = download.catalogue()
    entry, tables = known["online_retail"], {}
    frames = {"first": (shop.first,), "second": (shop.second, lookalike.second_edition(shop)["Year 2010-2011"])}
    for key, table in entry.tables.items():
        origins = []
        for origin, frame in zip(table.origins, frames[key], strict=True):
            sums = {}
            for columns in origin.sums:
                named = columns.replace("Price", "UnitPrice").replace("UnitUnit", "Unit").split("*")
                sums[columns] = float(frame[named].astype(float).prod(axis=1).sum())
            origins.append(replace(origin, rows=len(frame), sums=sums))
        tables[key] = replace(table, origins=tuple(origins))
    changed = {**known, "online_retail": replace(entry, tables=tables)}
    monkeypatch.setattr(download, "catalogue", lambda: changed)
    folder = tmp_path / "data"
    monkeypatch.setenv("ECOMLIB_DATA_DIR", str(folder))
    monkeypatch.setattr(folders, "data_roots", lambda: [folder])
    return folder


def left_behind(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and path.name != ".lock")


def test_fetch_converts_checks_and_records(place: Path, server: Server, shop: lookalike.Shop, archives):
    folder = download.fetch("online_retail", base_url=server.url, **QUICK)
    assert left_behind(folder) == ["online_retail.parquet", "online_retail_II_sheet1_2009-2010.parquet", "source.json"]
    pd.testing.assert_frame_equal(online_retail.load().orders, online_retail.make(shop.first, shop.second).orders)
    card = json.loads((folder / "source.json").read_text())
    assert card["licence"] == "CC BY 4.0" and set(card["tables"]) == {"first", "second"}
    import hashlib

    for table, name in {"first": "online+retail+ii.zip", "second": "online+retail.zip"}.items():
        assert card["tables"][table]["sha256"] == hashlib.sha256(archives[name]).hexdigest()
        assert card["tables"][table]["url"].startswith("https://archive.ics.uci.edu/")
    asked = len(server.asked)
    assert download.fetch("online_retail", base_url=server.url, **QUICK) == folder
    assert len(server.asked) == asked, "what is here is not fetched again"


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        ("404", "answered 404"),
        ("html", "is a web page"),
        ("cut", "broke off"),
        ("stall", "stopped sending"),
        ("short", "cut off"),
        ("wrong", "rows where the publisher's has"),
    ],
)
def test_a_bad_server_gives_one_sentence_and_leaves_nothing(place, server, shop, behaviour, words):
    server.behaviour["*"] = behaviour
    if behaviour == "wrong":
        sheets = {name: sheet.iloc[:-3] for name, sheet in lookalike.second_edition(shop).items()}
        lookalike.write_workbook(server.folder / "x.xlsx", sheets)
        for name, member in {
            "online+retail+ii": "online_retail_II.xlsx",
            "online+retail": "Online Retail.xlsx",
        }.items():
            with zipfile.ZipFile(server.folder / f"{name}.zip", "w") as archive:
                archive.write(server.folder / "x.xlsx", member)
    started = time.monotonic()
    with pytest.raises(DownloadError, match=words) as caught:
        download.fetch("online_retail", base_url=server.url, **QUICK)
    assert time.monotonic() - started < 15
    message = str(caught.value)
    assert "What to do" in message and "online+retail+ii.zip" in message and "\n" not in message
    assert left_behind(place) == []
    server.behaviour.clear()


def test_the_right_number_of_rows_with_other_values_is_refused(place, server, shop):
    changed = lookalike.second_edition(shop)
    changed["Year 2009-2010"] = changed["Year 2009-2010"].assign(Price=changed["Year 2009-2010"]["Price"] + 0.01)
    lookalike.write_workbook(server.folder / "x.xlsx", changed)
    with zipfile.ZipFile(server.folder / "online+retail+ii.zip", "w") as archive:
        archive.write(server.folder / "x.xlsx", "online_retail_II.xlsx")
    with pytest.raises(DownloadError, match=r"sum of Quantity\*Price"):
        download.fetch("online_retail", base_url=server.url, **QUICK)
    assert left_behind(place) == []


def test_a_second_try_and_a_second_origin_help(place, server):
    server.behaviour["online+retail+ii.zip"] = "once cut"
    server.behaviour["online+retail.zip"] = "404"
    folder = download.fetch("online_retail", base_url=server.url, **{**QUICK, "tries": 2})
    assert server.asked.count("online+retail+ii.zip") == 2
    card = json.loads((folder / "source.json").read_text())
    assert card["tables"]["second"]["file"] == "online+retail+ii.zip", "the second sheet stood in"


def test_offline_is_one_clear_sentence(place):
    with pytest.raises(DownloadError, match=r"127\.0\.0\.1 could not be reached; is this machine online\?"):
        download.fetch("online_retail", base_url="http://127.0.0.1:9", **QUICK)
    assert left_behind(place) == []


@pytest.mark.parametrize("names", [["online+retail+ii.zip", "online+retail.zip"], ["online_retail_II.xlsx"]])
def test_files_put_there_by_hand_are_used(place, server, archives, names):
    (place / "online_retail").mkdir(parents=True)
    for name in names:
        target = place / "online_retail" / name
        if name.endswith(".zip"):
            target.write_bytes(archives[name])
        else:
            with zipfile.ZipFile(server.folder / "online+retail+ii.zip") as archive:
                target.write_bytes(archive.read(name))
    folder = download.fetch("online_retail", base_url="http://127.0.0.1:9", **QUICK)
    assert set(download.table_files("online_retail")) == {"first", "second"}
    assert all((folder / name).is_file() for name in names), "the owner's files stay where they are"
    assert server.asked == []


@posix
def test_a_read_only_data_folder_is_used_and_left_alone(tmp_path, monkeypatch, shop):
    data, user = tmp_path / "data", tmp_path / "user"
    (data / "online_retail").mkdir(parents=True)
    monkeypatch.setenv("ECOMLIB_DATA_DIR", str(data))
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda *_: str(user))
    assert folders.download_dir("hillstrom") == data / "hillstrom"
    (data / "hillstrom").rmdir()
    (data / "online_retail").chmod(0o555)
    data.chmod(0o555)
    try:
        assert folders.data_dir() == data
        assert folders.download_dir("hillstrom") == user / "hillstrom"
        assert not (data / "hillstrom").exists()
    finally:
        data.chmod(0o755)
        (data / "online_retail").chmod(0o755)


@pytest.mark.parametrize("mode", [0o555, 0o755], ids=["read-only", "shared"])
def test_what_is_derived_never_goes_to_the_data(mode, tmp_path, monkeypatch):
    """A folder of data may be somebody else's: nothing new appears in it, whether it could be written to or not."""
    from ecomlib.stores import load_store
    from ecomlib.text import vector_cache

    data, cache = tmp_path / "data", tmp_path / "cache"
    data.mkdir()
    data.chmod(mode)
    monkeypatch.setenv("ECOMLIB_DATA_DIR", str(data))
    monkeypatch.setenv("ECOMLIB_CACHE_DIR", str(cache))
    try:
        load_store("simulated", size="tiny", seed=0)
        with contextlib.closing(vector_cache.remember(None, True)) as kept:
            vector_cache.write(kept, {b"key": (b"vector", 1, 0)})
        with contextlib.closing(vector_cache.remember(None, True)) as kept:
            assert vector_cache.read(kept, [b"key"]) == {b"key": (b"vector", 1, 0)}
        assert list(data.iterdir()) == []
    finally:
        data.chmod(0o755)
    assert len(list((cache / "simulated").glob("*/store.json"))) == 1
    assert (cache / "text" / "vectors.sqlite").is_file()


def test_without_a_setting_what_is_derived_goes_to_the_users_cache(tmp_path, monkeypatch):
    monkeypatch.delenv("ECOMLIB_CACHE_DIR", raising=False)
    monkeypatch.setenv("ECOMLIB_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda *_: str(tmp_path / "user"))
    assert folders.cache_dir("simulated") == tmp_path / "user" / "simulated"
    monkeypatch.setattr(folders, "_writable", lambda folder: False)
    with pytest.raises(EcomlibError, match="set ECOMLIB_CACHE_DIR"):
        folders.cache_dir("simulated")


def test_a_data_set_without_a_download_says_how_to_get_it(place):
    with pytest.raises(DownloadError, match=r"without an account.*kaggle\.com"):
        download.fetch("womens_reviews", **QUICK)


def test_the_wrong_name_is_answered_with_the_right_one(place):
    with pytest.raises(DataError, match="did you mean online_retail"):
        download.fetch("online_retial")


def test_r_data_needs_its_library(place, server, monkeypatch):
    (server.folder / "orangeJuice.rda").write_bytes(b"RDX3 whatever")
    monkeypatch.setitem(sys.modules, "rdata", None)
    with pytest.raises(MissingDependencyError, match='pip install "rdata"'):
        download.fetch("orange_juice", base_url=server.url, **QUICK)
    assert left_behind(place) == []


def test_the_registry_is_whole():
    for name, entry in download.catalogue().items():
        assert entry.use in ("course", "tests only") and entry.tables and entry.citation, name
        assert entry.page.startswith("https://") and entry.licence
        for table in entry.tables.values():
            assert table.files[0].endswith(".parquet") and table.origins
            assert all(origin.rows for origin in table.origins), f"{name} has a table without a fingerprint"
    sheets = {path.stem for path in (Path(__file__).resolve().parents[2] / "data").glob("*.md")}
    assert set(download.catalogue()) <= sheets, "every data set has a datasheet"


KILLED = """
import sys
sys.path.insert(0, {tests!r})
from dataclasses import replace
from pathlib import Path
from ecomlib import folders
from ecomlib.stores.published import download
known = download.catalogue()["complete_journey"]
table = replace(known.tables["products"], origins=(replace(known.tables["products"].origins[0], rows=3),))
entry = replace(known, tables={{"products": table}})
download.catalogue = lambda: {{"complete_journey": entry}}
folders.data_roots = lambda: [Path({folder!r})]
print("ready", flush=True)
print(download.fetch("complete_journey", progress=False, base_url={url!r}, timeout=(5.0, {wait}), tries=1))
"""


def script(server: Server, folder: Path, wait: float = 20.0) -> list[str]:
    text = KILLED.format(tests=str(Path(lookalike.__file__).parent), folder=str(folder), url=server.url, wait=wait)
    return [sys.executable, "-c", text]


def test_a_killed_fetch_leaves_nothing_that_a_second_trips_over(tmp_path, server):
    pd.DataFrame({"product_id": ["1", "2", "3"]}).to_parquet(server.folder / "products.parquet")
    server.behaviour["products.parquet"] = "stall"
    folder = tmp_path / "data"
    with subprocess.Popen(script(server, folder), stdout=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while not server.asked and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.3)
        partial = list((folder / "completejourney").glob(".*.part"))
        process.kill()
    assert partial, "the process was killed in the middle of its work"
    outside = [
        path for path in folder.rglob("*") if path.is_file() and path.name != ".lock" and path.parent not in partial
    ]
    assert outside == [], "nothing half-made stands where a finished file would"
    server.behaviour.clear()
    done = subprocess.run(script(server, folder), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert left_behind(folder) == ["products.parquet", "source.json"]
    assert list((folder / "completejourney").glob(".*.part")) == []


def test_two_processes_fetching_at_once_do_not_harm_each_other(tmp_path, server):
    pd.DataFrame({"product_id": ["1", "2", "3"]}).to_parquet(server.folder / "products.parquet")
    folder = tmp_path / "data"
    both = [subprocess.Popen(script(server, folder), stderr=subprocess.PIPE, text=True) for _ in range(2)]
    errors = [process.communicate(timeout=120)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], errors
    assert left_behind(folder) == ["products.parquet", "source.json"]
    assert server.asked == ["products.parquet"], "the second waited for the first and found its work"


def test_the_table_for_people_says_what_the_registry_says(root: Path):
    rows = [
        line
        for line in (root / "data" / "README.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| [")
    ]
    shown = {row.split("`")[1]: [cell.strip() for cell in row.strip("|").split("|")] for row in rows}
    assert set(shown) == {*download.catalogue(), "simulated"}
    for name, entry in download.catalogue().items():
        _, _, counts, licence, use = shown[name]
        assert use == entry.use and entry.licence.startswith(licence)
        fingerprint = {f"{table.origins[0].rows:,}" for table in entry.tables.values()}
        assert set(counts.split(" and ")) <= fingerprint, name
        sheet = (root / "data" / f"{name}.md").read_text(encoding="utf-8")
        for heading in ("**Source.**", "**Licence.**", "**Fetch.**", "Known faults", "must not be used for"):
            assert heading in sheet, f"data/{name}.md lacks {heading}"
