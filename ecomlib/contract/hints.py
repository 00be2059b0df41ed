"""Says what a setting of another name is called here, and where it is given: one table for all forecasters."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from ecomlib.errors import DataError

# What is no setting of any forecaster, or is called otherwise by those that have it.
ELSEWHERE = {
    "horizon": "hand it to fit: fit(panel, horizon=4).",
    "h": "it is called horizon here, and is handed to fit: fit(panel, horizon=4).",
    "freq": 'the panel knows its frequency: make_panel(store, "weekly").',
    "level": "it is called levels here: levels=(90,).",
    "model": 'it is called member here: member=forecaster("naive").',
    "models": 'they are called members here: members=(forecaster("naive"), forecaster("gru")).',
    "forecasters": 'they are called members here: members=(forecaster("naive"), forecaster("gru")).',
}
# What other libraries say: the setting that it is here, where the forecaster has that one, and how it is written.
RENAMED = {
    "input_size": ("look_back", "look_back=26"),
    "max_steps": ("epochs", "epochs=10, whole passes over the windows"),
    "max_epochs": ("epochs", "epochs=10"),
    "n_epochs": ("epochs", "epochs=10"),
    "learning_rate": ("lr", "lr=0.003"),
    "lr_scheduler": ("schedule", 'schedule="one_cycle"'),
    "lr_schedule": ("schedule", 'schedule="one_cycle"'),
    "num_lr_decays": ("schedule", 'schedule="one_cycle"'),
    "loss": ("head", 'head="quantile"'),
}


def unknown_setting(name: str, setting: str, known: Sequence[str], there: str) -> DataError:
    """Make the error for a setting that a forecaster does not have.

    Parameters
    ----------
    name : str
        The forecaster's.
    setting : str
        What was given.
    known : sequence of str
        The settings that it has.
    there : str
        A sentence that says what it has, for where no name is near.

    Returns
    -------
    DataError
        Its remedy is where the setting is given instead, or the near names, or ``there``.

    Examples
    --------
    >>> print(unknown_setting("gru", "learning_rate", ["lr"], "it has lr."))
    the forecaster 'gru' has no setting 'learning_rate'. What to do: it is called lr here: lr=0.003.
    """
    near = difflib.get_close_matches(setting, known, n=3, cutoff=0.6)
    here, written = RENAMED.get(setting, ("", ""))
    if here in known:
        remedy = f"it is called {here} here: {written}."
    elif setting in ELSEWHERE:
        remedy = ELSEWHERE[setting]
    else:
        remedy = f"did you mean {' or '.join(near)}?" if near else there
    return DataError(f"the forecaster '{name}' has no setting '{setting}'", remedy=remedy)
