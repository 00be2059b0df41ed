"""A runtime like Colab's, made in a second: an empty environment, a real pip, invented packages and no index."""

from __future__ import annotations

import os
import subprocess
import venv
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import packaging
import pip
import pytest

ROOT = Path(__file__).resolve().parents[2]


def build_wheel(
    folder: Path,
    name: str,
    version: str = "1.0",
    requires: Sequence[str] = (),
    files: Mapping[str, str] | None = None,
    file: str = "",
) -> Path:
    """Build a small wheel; ``files`` are its modules by path, ``file`` another name than the one that pip expects."""
    info = f"{name}-{version}.dist-info"
    extras = ["Provides-Extra: colab"] if any("colab" in need for need in requires) else []
    head = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *extras]
    content = {
        **(files if files is not None else {f"{name}.py": f'__version__ = "{version}"\n'}),
        f"{info}/METADATA": "\n".join([*head, *(f"Requires-Dist: {need}" for need in requires)]) + "\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (file or f"{name}-{version}-py3-none-any.whl")
    with zipfile.ZipFile(path, "w") as archive:
        for where, text in content.items():
            archive.writestr(where, text)
        archive.writestr(f"{info}/RECORD", "".join(f"{where},,\n" for where in [*content, f"{info}/RECORD"]))
    return path


def put(site: Path, wheel: Path) -> None:
    """Lay an installed package into a folder of the path."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)


class Runtime:
    """An environment with ``six`` 1.17, ``google.colab``, a real pip, and an older ``six`` later on the path.

    So it is on Colab, where the folder of Ubuntu's own packages comes last.
    """

    def __init__(self, folder: Path) -> None:
        self.content, self.links = folder / "content", folder / "links"
        self.content.mkdir(parents=True)
        venv.create(folder / "runtime", with_pip=False)
        self.python = folder / "runtime" / ("Scripts" if os.name == "nt" else "bin") / "python"
        asked = "import sysconfig; print(sysconfig.get_path('purelib'))"
        self.site = Path(subprocess.run([self.python, "-c", asked], capture_output=True, text=True).stdout.strip())
        tools, system = folder / "tools", folder / "system"
        tools.mkdir()
        for library in (pip, packaging):
            try:
                (tools / library.__name__).symlink_to(Path(str(library.__file__)).parent, target_is_directory=True)
            except OSError:
                pytest.skip("this system lets nobody make symbolic links")
        (self.site / "google" / "colab").mkdir(parents=True)
        (self.site / "google" / "colab" / "__init__.py").touch()
        put(self.site, build_wheel(folder / "made", "six", "1.17.0"))
        put(system, build_wheel(folder / "made", "six", "1.16.0"))
        put(system, build_wheel(folder / "made", "gpg", "1.16.0-unknown"))  # no version that pip understands
        (self.site / "zz_system.pth").write_text(f"{tools}\n{system}\n", encoding="utf-8")
        build_wheel(self.links, "newlib", requires=["six>=1.10"])
        build_wheel(self.links, "part", requires=["newlib"])
        self.links.mkdir(exist_ok=True)

    def upload(self, requires: Sequence[str] = ("newlib>=1", 'part>=1; extra == "colab"'), **more: str) -> Path:
        """Put a wheel of ecomlib among the runtime's files: the real module of the set-up, the requirements given."""
        files = {
            name: (ROOT / name).read_text("utf-8") for name in ("ecomlib/errors.py", "ecomlib/course/setup_cell.py")
        }
        marked = {"ecomlib/__init__.py": f"mark = {more.pop('mark', '')!r}\n", "ecomlib/course/__init__.py": ""}
        return build_wheel(self.content, "ecomlib", "0.1.0", requires, {**files, **marked}, **more)

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the runtime's Python in the folder of its files, without an index."""
        kept = {key: os.environ[key] for key in ("PATH", "HOME", "SYSTEMROOT", "TEMP") if key in os.environ}
        index = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.links), "PIP_CONFIG_FILE": os.devnull}
        return subprocess.run(
            [str(self.python), *arguments],
            cwd=self.content,
            env={**kept, **index, **environment},
            capture_output=True,
            text=True,
            timeout=120,
        )

    def pip(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the runtime's pip."""
        return self.run("-m", "pip", "--disable-pip-version-check", *arguments)

    def versions(self) -> dict[str, str]:
        """What is installed, by name, as ``import`` finds it."""
        code = "import importlib.metadata as m\nfor d in m.distributions(): print(d.name, m.version(d.name))"
        found = dict(line.split() for line in self.run("-c", code).stdout.splitlines())
        return {name: found[name] for name in ("six", "newlib", "part") if name in found}
