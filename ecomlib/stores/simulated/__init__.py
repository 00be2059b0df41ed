"""The simulated store: a shop whose hidden truth is known (lesson 00, section 1)."""

from __future__ import annotations

from ecomlib.errors import DataError
from ecomlib.stores.simulated.settings import SIZES, Settings, settings_for
from ecomlib.stores.simulated.truth import Truth
from ecomlib.stores.store import Store

__all__ = ["SIZES", "Settings", "Truth", "make_store", "settings_for"]


def make_store(
    size: str = "small",
    seed: int = 0,
    *,
    misspecified: bool = False,
    substitution: bool = False,
    settings: Settings | None = None,
    cache: bool = True,
) -> Store:
    """A simulated store with its truth, made once and then read from the cache (lesson 00, section 1).

    Parameters
    ----------
    size: ``"tiny"`` (60 products, 9 regions, 26 weeks), ``"small"`` (600, 16, 104) or ``"full"`` (1,000, 64, 156).
    seed: a whole number of zero or more; the same seed gives the same store, to the last unit.
    misspecified: break four assumptions that the course's models make: heavy tails, a wind that turns halfway, words
        that interact with price, and listings that overstate quality.
    substitution: let prices of one product move the sales of others in its category.
    settings: other settings than those of ``size``, ``misspecified`` and ``substitution``.
    cache: read and write the cache folder; without it the store is made anew.

    Raises
    ------
    DataError: there is no such size, or the seed is not a whole number of zero or more.
    """
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise DataError("a seed is a whole number of zero or more", value=seed, remedy="use for example seed=0.")
    usual = settings_for(size, misspecified=misspecified, substitution=substitution)
    chosen = settings if settings is not None else usual
    traits = "-misspecified" * misspecified + "-substitution" * substitution
    label = f"{size}{traits}" if chosen == usual else "own"

    def make() -> Store:
        from ecomlib.stores.simulated.assemble import assemble

        return assemble(chosen, seed, f"simulated ({label}, seed {seed})")

    if not cache:
        return make()
    from ecomlib.folders import cache_dir
    from ecomlib.stores.simulated.cache import cached, digits, source_digits

    if chosen != usual:
        label += f"-{digits(chosen)}"
    return cached(cache_dir("simulated") / f"{label}-{seed}-{source_digits(chosen)}", make)
