"""Ship the lessons inside the wheel: notebooks/ is the one source, and an installed package must find them."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithLessons(build_py):
    """Copy notebooks/*.ipynb to ecomlib/course/lessons of the built package (never into the checkout)."""

    def run(self) -> None:
        if not self.editable_mode:  # else a module that has moved would travel under its old name too
            shutil.rmtree(self.build_lib, ignore_errors=True)
        super().run()
        if self.editable_mode:
            return
        target = Path(self.build_lib) / "ecomlib" / "course" / "lessons"
        target.mkdir(parents=True, exist_ok=True)
        for notebook in sorted(Path("notebooks").glob("*.ipynb")):
            shutil.copy2(notebook, target / notebook.name)


setup(cmdclass={"build_py": BuildWithLessons})
