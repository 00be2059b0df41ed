"""Defines what a role is, and how names of columns are compared.

A role is a column of the schema, or something that helps to make one: a line's total becomes a price, a date and a time
become a moment. Names stand as ``plain`` writes them. ``sure`` names say it alone; ``maybe`` names say it where nothing
speaks against it; ``parts`` are looked for inside a name; a name that holds one of ``never`` is something else.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass


@dataclass(frozen=True)
class Role:
    """Describe one role: its key in a mapping file, what it holds, what its values are, and its names."""

    key: str
    means: str
    kind: str
    sure: tuple[str, ...]
    maybe: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    numbered: tuple[str, ...] = ()  # nouns that say it together with a word for "number" or "code"


# Letters that do not fall apart into a letter and an accent.
_STROKES = str.maketrans({"ı": "i", "ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "đ": "d", "æ": "ae", "Æ": "Ae"})


def plain(name: str) -> str:
    """Write a column's name in small letters without accents or signs, words apart: ``N° Commande`` is ``no commande``.

    Examples
    --------
    >>> plain("Lineitem SKU"), plain("orderDate"), plain("N° commande"), plain("Order #"), plain("Größe")
    ('lineitem sku', 'order date', 'no commande', 'order no', 'grosse')
    """
    # A degree sign, an ordinal sign or a hash all stand for "number".
    text = re.sub(r"\b[nN](?:[°º]|o\b)\.?|№|#", " no ", name.replace("ß", "ss").replace("\xad", ""))
    text = text.replace("%", " percent ").translate(_STROKES)  # a discount in money is another thing than a percent
    text = unicodedata.normalize("NFKD", text)
    text = "".join(letter for letter in text if not unicodedata.combining(letter))
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", " ", text)
    return " ".join(re.findall(r"[^\W_]+", text.casefold()))


def names(text: str) -> tuple[str, ...]:
    """Split a list of names that are parted by commas."""
    return tuple(name.strip() for name in text.replace("\n", " ").split(",") if name.strip())


# Words for "number", as a name may end or begin with them.
NUMBER_WORDS = names(
    "number, no, nr, num, nummer, numer, numero, id, code, cod, kod, codigo, codice, ref, reference, referenz, key, "
    "idx, no de, numero de, code de, num de, codigo de, numero di, codice di, ref de, n, numero del, numero dell, "
    "codigo del, identifier, kennung, numero do, numero da, codigo do, codigo da, numer, cislo, номер, код, код и номер"
)
