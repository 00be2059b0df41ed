"""Marks for tests that only some operating systems can run."""

from __future__ import annotations

import os

import pytest

posix = pytest.mark.skipif(os.name != "posix", reason="needs a POSIX system: its signals, its rights or its shell")
