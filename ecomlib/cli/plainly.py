"""Shows the package's own errors as one message instead of a traceback, and text on any console."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import typer

from ecomlib.cli.outputs import sentence
from ecomlib.errors import EcomlibError


def write_anywhere() -> None:
    r"""Let stdout and stderr escape what their encoding lacks (\u2713), instead of ending with a traceback.

    A Windows console that writes into a file speaks cp1252, which knows neither ticks nor most of the world's names.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure") and stream.errors in ("strict", "surrogateescape"):
            stream.reconfigure(errors="backslashreplace")


F = TypeVar("F", bound=Callable[..., Any])


def plainly(command: F, stopped: str = "stopped.") -> F:
    """Turn ecomlib's own errors, and what the system refuses, into one message on stderr and exit code 1.

    ``stopped`` answers Ctrl-C.
    """

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except EcomlibError as error:
            typer.echo(f"ecomlib: {error}", err=True)
            raise typer.Exit(1) from None
        except BrokenPipeError:
            raise  # whoever read the output has gone; click ends without a word
        except OSError as error:
            typer.echo(f"ecomlib: {sentence(error)}", err=True)
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            typer.echo(f"ecomlib: {stopped}", err=True)
            raise typer.Exit(130) from None

    return wrapped  # type: ignore[return-value]
