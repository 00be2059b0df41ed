"""Runs the command line as ``python -m ecomlib.cli``, where the script ``ecomlib`` is not on the path."""

from ecomlib.cli.main import app

app()
