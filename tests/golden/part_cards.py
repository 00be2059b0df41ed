"""The recorded cards: the fingerprint of each one's trial run, and whether it is marked as stale."""

from __future__ import annotations

import pandas as pd

from ecomlib import recorded as runs


def part(seed: int) -> dict[str, pd.DataFrame]:
    """Read every card's note; twelve digits of a SHA-256 are a whole number that a float holds exactly."""
    notes = {name: card["fingerprint"] for name, card in runs.cards().items()}
    rows = {
        name: (float(int(note["sha256"][:12], 16)), float(bool(note.get("stale_since"))))
        for name, note in notes.items()
    }
    return {"fingerprints": pd.DataFrame.from_dict(rows, orient="index", columns=["sha256, 12 digits", "stale"])}
