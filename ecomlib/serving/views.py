"""What the control room and the buyer read (lesson 08, section 2)."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI


def add_views(app: FastAPI, service: Any) -> None:
    pass
