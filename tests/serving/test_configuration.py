"""Options, variables and a file: which one wins, what each may hold, and how what is wrong is said."""

from __future__ import annotations

import dataclasses
import errno
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from ecomlib.errors import DataError
from ecomlib.serving.live.configuration import ServeSettings, read_settings
from ecomlib.serving.live.serve import listen

FILE = """
home = "shop"
host = "shop.example"
port = 8001
database = "postgresql+psycopg://me:hush@db/shop"
allowed-hosts = ["Shop.example", "www.shop.example"]
timezone = "Europe/Berlin"
clock = "world"
write-key = "from the file, quite long"
"""


def test_an_option_wins_over_the_environment_that_over_the_file_that_over_the_default(tmp_path: Path) -> None:
    file = tmp_path / "serve.toml"
    file.write_text(FILE)
    assert read_settings(environment={}) == ServeSettings() and ServeSettings().host == "127.0.0.1"
    alone = read_settings(config=file, environment={})
    assert alone.home == tmp_path / "shop", "a path in a file is one beside it"
    assert alone.port == 8001 and alone.allowed_hosts == ("shop.example", "www.shop.example")
    assert (alone.timezone, alone.clock) == ("Europe/Berlin", "world")
    assert alone.write_key == "from the file, quite long" and alone.read_key is None
    variables = {
        "ECOMLIB_CONFIG": str(file),
        "ECOMLIB_PORT": "8002",
        "ECOMLIB_DATABASE": "sqlite:///e.db",
        "ECOMLIB_CLOCK": "",
        "ECOMLIB_ALLOWED_HOSTS": "a.example, b.example",
        "ECOMLIB_READ_KEY": "  long enough to be one \n",
    }
    both = read_settings({"port": 8003, "host": None}, environment=variables)
    assert (both.port, both.database, both.host) == (8003, "sqlite:///e.db", "shop.example")
    assert both.clock == "world", "a variable that is empty is not set"
    assert both.allowed_hosts == ("a.example", "b.example") and both.read_key == "long enough to be one"
    assert read_settings(environment=variables).port == 8002
    given: dict[str, Any] = {"allowed_hosts": ["c.example"], "home": Path("x")}
    assert read_settings(given, environment=variables).allowed_hosts == ("c.example",)


def test_every_setting_has_a_variable() -> None:
    values = {
        "home": "h",
        "host": "::1",
        "port": "1",
        "database": "sqlite://",
        "allowed_hosts": "a",
        "timezone": "UTC",
        "clock": "events",
        "write_key": "w" * 16,
        "read_key": "r" * 16,
    }
    made = read_settings(environment={f"ECOMLIB_{name.upper()}": value for name, value in values.items()})
    assert set(values) == {field.name for field in dataclasses.fields(ServeSettings)}
    assert all(getattr(made, name) != getattr(ServeSettings(), name) for name in values)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("PORT", "eighty", "ECOMLIB_PORT must be a number from 0 to 65535"),
        ("PORT", "70000", "from 0 to 65535"),
        ("TIMEZONE", "Berlin/Europe", "no time zone"),
        ("TIMEZONE", "../../etc/passwd", "no time zone"),
        ("CLOCK", "sun", "auto, world or events"),
        ("ALLOWED_HOSTS", "http://shop.example/", "without http"),
        ("ALLOWED_HOSTS", "*.example", "names of hosts"),
        ("WRITE_KEY", "   ", "ECOMLIB_WRITE_KEY is blank"),
        ("WRITE_KEY", "hush-hush", "9 characters: too easy"),
        ("READ_KEY", "a", "ECOMLIB_READ_KEY has 1 character: too easy"),
        ("CONFIG", "nowhere.toml", "cannot be read: No such file"),
    ],
)
def test_what_cannot_be_a_setting_is_a_sentence(name: str, value: str, says: str) -> None:
    with pytest.raises(DataError, match=says) as caught:
        read_settings(environment={f"ECOMLIB_{name}": value})
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("prot = 8001", "not known.*'prot'.*write port"),
        ("port = true", "port in '.*serve.toml' must be a number from 0 to 65535"),
        ("write_key = 12345678901234567", "write_key in .* must be a text"),
        ("read_key = ['abcdefghijklmnopqrstuvwxyz']", "read_key in .* must be a text"),
        ("port 8001", "cannot be read"),
        ("host = 7", "must be a text"),
        ("allowed_hosts = 'a", "cannot be read"),
        ("allowed_hosts = [1]", "names of hosts"),
    ],
)
def test_a_file_that_is_wrong_is_a_sentence(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "serve.toml"
    file.write_text(text)
    with pytest.raises(DataError, match=says):
        read_settings(config=file, environment={})


def test_a_file_written_by_an_editor_that_marks_its_encoding_is_read(tmp_path: Path) -> None:
    file = tmp_path / "serve.toml"
    file.write_bytes(b"\xef\xbb\xbfport = 8001\n")
    assert read_settings(config=file, environment={}).port == 8001


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:e.db?uri=true"])
def test_no_server_keeps_orders_in_memory_alone(url: str) -> None:
    from ecomlib.serving.live.serve import serve

    with pytest.raises(DataError, match="no file that one server can hold"):
        serve(ServeSettings(port=0, database=url))


def test_what_is_secret_is_not_shown() -> None:
    made = ServeSettings(database="postgresql://me:hush@db", write_key="hush" * 4, read_key="hush" * 5)
    assert "hush" not in repr(made)


def test_a_port_that_is_taken_is_a_sentence_and_any_free_one_is_found() -> None:
    (one,) = listen("127.0.0.1", 0)
    assert one.proto == socket.IPPROTO_TCP, "asyncio sends at once on lines that say so, and on no others"
    port = one.getsockname()[1]
    assert port > 0
    with pytest.raises(DataError, match=r"(?i)cannot be listened on: .*in use.*--port"):
        listen("127.0.0.1", port)
    one.close()
    with pytest.raises(DataError, match="cannot be listened on"):
        listen("no-such-host.invalid", 0)
    both = listen("localhost", 0)
    assert len({made.getsockname()[1] for made in both}) == 1
    with socket.create_connection(("localhost", both[0].getsockname()[1]), timeout=5):
        pass
    for made in both:
        made.close()


def test_what_the_disk_refuses_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that cannot be made is said before anything is trained; a full disk whenever it is full."""
    from typer.testing import CliRunner

    from ecomlib.cli.main import app
    from ecomlib.serving.release.versions import Registry

    (tmp_path / "file").write_text("x")
    train = ["train", "--size", "tiny", "--home", str(tmp_path / "file" / "home")]
    result = CliRunner().invoke(app, train)
    assert result.exit_code == 1 and "a file stands where a folder is needed" in result.output
    assert "reading the store" not in result.output

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "model.onnx")

    monkeypatch.setattr(Registry, "roll_back", full)
    result = CliRunner().invoke(app, ["rollback", "--why", "?", "--home", str(tmp_path)])
    assert result.exit_code == 1 and "'model.onnx': the disk is full" in result.output


def test_versions_shows_control_characters_and_goes_on_after_a_broken_card(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from ecomlib.cli.main import app
    from ecomlib.serving.release.versions import Registry

    registry = Registry(tmp_path / "registry")
    for _ in range(2):
        registry.publish(lambda folder: {"model": "\x1b[2J"} if (folder / "a").write_text("a") else None)
    registry.promote(2, "line\nbreak \x1b[31m red ü")
    (tmp_path / "registry" / "versions" / "0001" / "card.json").write_text("{")
    result = CliRunner().invoke(app, ["versions", "--home", str(tmp_path)])
    assert result.exit_code == 0 and "! 0001  cannot be read" in result.output
    assert "line\\nbreak \\x1b[31m red ü (" in result.output and "\x1b" not in result.output
