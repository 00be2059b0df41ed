"""The container file, the unit and the examples beside them: as far as a machine without an engine can tell."""

from __future__ import annotations

import configparser
import fnmatch
import json
import os
import shlex
import shutil
import stat
import subprocess
import sys
import tomllib
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from ecomlib.serving.deploy import health

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "ecomlib" / "serving" / "deploy"
SETTINGS = {"home", "host", "port", "database", "allowed_hosts", "timezone", "clock", "write_key", "read_key"}
KNOWN = {  # of systemd.unit, systemd.service, systemd.exec
    "Unit": {"Description", "Documentation", "After", "Wants"},
    "Service": {
        *("Type", "User", "Group", "StateDirectory", "StateDirectoryMode", "WorkingDirectory", "UMask", "Environment"),
        *("LoadCredential", "ExecStart", "ExecStartPost", "Restart", "RestartSec", "TimeoutStartSec", "TimeoutStopSec"),
        *("LimitNOFILE", "NoNewPrivileges", "CapabilityBoundingSet", "ProtectSystem", "ProtectHome", "PrivateTmp"),
        *("PrivateDevices", "ProtectKernelTunables", "ProtectKernelModules", "ProtectControlGroups"),
        *("RestrictAddressFamilies", "RestrictNamespaces", "RestrictSUIDSGID", "LockPersonality"),
    },
    "Install": {"WantedBy"},
}


def instructions() -> list[tuple[str, str]]:
    """The container file's instructions, continued lines joined."""
    text = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#")).replace("\\\n", " ")
    parts = [line.split(maxsplit=1) for line in lines.splitlines() if line.strip()]
    return [(name, rest.strip()) for name, rest in parts]


def named(name: str) -> list[str]:
    return [rest for found, rest in instructions() if found == name]


def test_the_image_is_built_of_what_is_there() -> None:
    ignored = (DEPLOY / "Containerfile.dockerignore").read_text(encoding="utf-8").split("\n")
    let_in = {line[1:] for line in ignored if line.startswith("!")}
    assert ignored[1] == "*" and {path for path in let_in if not (ROOT / path).exists()} == set()
    sources = [part for rest in named("COPY") if "--from=" not in rest for part in shlex.split(rest)[:-1]]
    sources = [source for source in sources if not source.startswith("--")]
    assert {"pyproject.toml", "setup.py", "ecomlib", "notebooks"} <= set(sources)  # setup.py packs the lessons
    for source in sources:
        assert (ROOT / source).exists(), source
        assert source.split("/")[0] in let_in, f"{source} is kept from the image"
    assert all(base.partition(" ")[0].startswith("docker.io/library/python:3.11") for base in named("FROM"))
    assert not named("ADD")


def test_the_container_is_nobody_special_and_says_how_it_is() -> None:
    names = [name for name, _ in instructions()]
    user = named("USER")[-1]
    assert user.split(":")[0].isdigit() and "0" not in user.split(":"), "not root, and a number for engines that check"
    assert names.index("USER") > max(k for k, name in enumerate(names) if name == "RUN")
    command = json.loads(named("HEALTHCHECK")[0].partition("CMD ")[2])
    assert command == ["python", "-m", health.__name__]
    assert json.loads(named("ENTRYPOINT")[0]) == ["/usr/local/bin/entrypoint.sh"]
    assert json.loads(named("CMD")[0]) == ["serve"]
    values = dict(pair.split("=", 1) for pair in shlex.split(named("ENV")[0]))
    ours = {name: value for name, value in values.items() if name.startswith("ECOMLIB_")}
    assert {name.removeprefix("ECOMLIB_").lower() for name in ours} == {"home", "host", "port"} <= SETTINGS
    assert json.loads(named("VOLUME")[0]) == [ours["ECOMLIB_HOME"]] and named("EXPOSE") == [ours["ECOMLIB_PORT"]]


@pytest.mark.skipif(os.name != "posix", reason="a container's shell")
def test_secrets_come_from_files(tmp_path: Path) -> None:
    """Into the environment of the process, and not onto its command line."""
    (tmp_path / "ecomlib_write_key").write_text("a key with $pecial `signs`\n")
    fake = tmp_path / "ecomlib"
    fake.write_text('#!/bin/sh\nprintf "%s|%s|%s" "$ECOMLIB_WRITE_KEY" "${ECOMLIB_READ_KEY-unset}" "$*"\n')
    fake.chmod(fake.stat().st_mode | stat.S_IEXEC)
    environment = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "ECOMLIB_SECRETS": str(tmp_path)}
    done = subprocess.run(
        ["sh", str(DEPLOY / "entrypoint.sh"), "serve", "--port", "9"], env=environment, capture_output=True, text=True
    )
    assert done.stdout == "a key with $pecial `signs`|unset|serve --port 9", done.stderr


def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(DEPLOY / "ecomlib.service", encoding="utf-8")
    return parser


def test_the_unit_holds_what_systemd_knows() -> None:
    parser = unit()
    assert {section: set(parser[section]) - KNOWN[section] for section in parser.sections()} == {
        "Unit": set(),
        "Service": set(),
        "Install": set(),
    }
    service = parser["Service"]
    assert service["User"] not in ("", "root", "0") and service["NoNewPrivileges"] == "yes"
    assert "%d/write_key" in service["ExecStart"] and service["LoadCredential"].startswith("write_key:")
    assert f"-m {health.__name__}" in service["ExecStartPost"]
    variables = [
        line.split("=")[1]
        for line in (DEPLOY / "ecomlib.service").read_text().splitlines()
        if line.startswith("Environment=")
    ]
    assert {name.removeprefix("ECOMLIB_").lower() for name in variables} <= SETTINGS | {"config"}


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not there")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    text = (DEPLOY / "ecomlib.service").read_text(encoding="utf-8")
    text = text.replace("/opt/ecomlib/bin/python", sys.executable)  # it looks whether programs are there
    for name, words, taken in (("right", text, True), ("wrong", text.replace("ProtectHome", "ProtectHom"), False)):
        path = tmp_path / name / "ecomlib.service"
        path.parent.mkdir()
        path.write_text(words)
        done = subprocess.run(["systemd-analyze", "verify", str(path)], capture_output=True, text=True, check=False)
        assert (str(path) in done.stderr or done.returncode != 0) is not taken, done.stderr


def test_the_example_of_settings_is_one() -> None:
    path = DEPLOY / "ecomlib.toml.example"
    text = path.read_text(encoding="utf-8")
    assert set(tomllib.loads(text)) <= SETTINGS
    commented = "\n".join(
        line.removeprefix("# ") if line.startswith(("# clock", "# database")) else line for line in text.splitlines()
    )
    values = tomllib.loads(commented)
    assert {"clock", "database"} <= set(values) <= SETTINGS and not {"write_key", "read_key"} & set(values)
    from ecomlib.serving.live import configuration

    read = configuration.read_settings(config=path, environment={})
    assert (read.port, str(read.home), read.allowed_hosts) == (8000, "/var/lib/ecomlib", ("shop.example",))


def test_the_proxy_speaks_to_the_service() -> None:
    lines = [line.strip() for line in (DEPLOY / "Caddyfile.example").read_text(encoding="utf-8").splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    assert sum(line.endswith("{") for line in lines) == lines.count("}")
    assert "reverse_proxy 127.0.0.1:8000 {" in lines and lines[0] == "shop.example {"


def test_all_of_it_travels_with_the_package() -> None:
    rules = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["package-data"]
    for path in DEPLOY.iterdir():
        if path.is_file():
            assert any(fnmatch.fnmatch(f"serving/deploy/{path.name}", rule) for rule in rules["ecomlib"]), path.name


def test_health_is_what_ready_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where a read key is set, the question bears it, from wherever the service has it."""
    asked, status = [], [200]

    class Ready(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, self.headers.get("Authorization")))
            self.send_response(status[0])
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Ready)
    Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(health, "SECRETS", str(tmp_path))
    monkeypatch.setenv("ECOMLIB_PORT", str(server.server_port))
    try:
        assert health.main() == 0
        (tmp_path / "ecomlib_read_key").write_text("of a container\n")
        assert health.main() == 0
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
        (tmp_path / "read_key").write_text("of systemd\n")
        status[0] = 503
        assert health.main() == 1
    finally:
        server.shutdown()
        server.server_close()
    assert asked == [("/ready", key) for key in (None, "Bearer of a container", "Bearer of systemd")]
    assert health.main() == 1, "nobody listens any more"


def test_health_asks_where_the_file_says_that_it_listens(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("ECOMLIB_HOST", "ECOMLIB_PORT", "ECOMLIB_READ_KEY", "CREDENTIALS_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(health, "SECRETS", str(tmp_path))
    file = tmp_path / "serve.toml"
    monkeypatch.setenv("ECOMLIB_CONFIG", str(file))
    assert health.address() == "127.0.0.1:8000", "the service says what is wrong with its file"
    for text, place in {
        'host = "10.0.0.5"\nport = 8001': "10.0.0.5:8001",
        'host = "0.0.0.0"\nport = "8002"': "127.0.0.1:8002",
        'host = "::"': "[::1]:8000",
        "port = ": "127.0.0.1:8000",
    }.items():
        file.write_text(text)
        assert health.address() == place
    file.write_text('port = 8001\nread_key = "of the file"')
    monkeypatch.setenv("ECOMLIB_PORT", "8003")
    assert health.address() == "127.0.0.1:8003" and health.read_key() == "of the file"
