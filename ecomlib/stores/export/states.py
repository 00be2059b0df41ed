"""Knows the words by which shop systems say that an order was cancelled or returned."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd

from ecomlib.stores.export.role import plain

# Beginnings of words, as ``plain`` writes them.
CANCELLED = tuple(
    re.findall(
        r"\S+",
        """
    cancel void fail storn abgebrochen fehlgeschlagen annul echou cancelad anulad fallid fallit geannuleerd
    mislukt declin anulow odrzuc zruse avbrut annuller reject expired abgelehnt trash draft entwurf
""",
    )
)
RETURNED = tuple(
    re.findall(
        r"\S+",
        """
    refund return erstatt retour ruckgabe ruckerstatt gutschrift rembours reembols devuelt devol rimbors
    terugbeta chargeback zwrot zwroc reklamac vrac aterbetal
""",
    )
)
SALES = tuple(
    re.findall(
        r"\S+",
        """
    order bestellung commande pedido ordine bestelling payment sale verkauf vente venta vendita verkoop rechnung
    facture factura fattura invoice purchase auftrag zahlung
""",
    )
)
_USUAL = tuple(
    re.findall(
        r"\S+",
        """
    accept payment prepar await
    complete ship deliver dispatch paid pending process open closed hold new fulfil sent received authori confirm ready
    bezahlung
    versand versend geliefert zugestellt bezahlt offen abgeschlossen erledigt bearbeitung neu livre expedi paye attente
    termine cours enviad entregad pagad pendient completad spedit consegnat pagat attesa completat verzonden geleverd
    betaald verwerk wysl dostarcz oplac zrealiz nowe oczek odebr
""",
    )
)
_PARTLY = ("partial", "teil", "partiel", "parcial", "parzial", "gedeeltelijk")
_NOT = ("not", "no", "non", "nicht", "kein", "keine", "pas", "never")
_MOST_STATES = 30
_PHRASES = ("credit note", "credit memo", "avoir", "reso")
_NO = {
    "",
    "false",
    "f",
    "no",
    "n",
    "0",
    "0.0",
    "nein",
    "non",
    "none",
    "null",
    "nan",
    "falsch",
    "-",
    "faux",
    "falso",
    "nee",
    "00",
}


def is_state(values: pd.Series, words: Sequence[str], more: Sequence[str]) -> pd.Series:
    """Tell where a column of states says one of these words; partly refunded is not refunded.

    Parameters
    ----------
    values : Series
        Text, None where there is none.
    words : sequence of str
        Beginnings of words.
    more : sequence of str
        Further states, whole, from the mapping file.

    Examples
    --------
    >>> is_state(pd.Series(["Shipped", "Teilweise storniert", "wc-cancelled", None]), CANCELLED, []).tolist()
    [False, False, True, False]
    """
    own = {plain(word) for word in more}

    def says(value: object) -> bool:
        text = plain(str(value)) if isinstance(value, str) else ""
        text = text.removeprefix("wc ")
        if text in own and text:
            return True
        if any(part in text for part in _PARTLY) or text.split(" ")[0] in _NOT:
            return False
        if words is SALES:  # "ordered" and "invoiced" are states of an order, "order" is a kind of row
            return text in SALES or text in ("sale line", "order payment")
        if words is RETURNED and text in _PHRASES:
            return True
        return any(part.startswith(word) for word in words for part in text.split()[:1] + text.split()[-1:])

    known = {value: says(value) for value in values.unique()}
    return values.map(known).astype(bool)


def states(values: pd.Series) -> float:
    """Give the share of values that are states of an order; zero where none says that it was cancelled or came back.

    Examples
    --------
    >>> states(pd.Series(["SHIPPED", "CANCELLED", "DELIVERED", "DELIVERED"])), states(pd.Series(["Paid", "Mug"]))
    (1.0, 0.0)
    """
    shares = values.dropna().astype(str).value_counts(normalize=True)
    if shares.empty or len(shares) > _MOST_STATES:
        return 0.0
    words = pd.Series(shares.index, index=shares.index)
    undone = is_state(words, CANCELLED, ()) | is_state(words, RETURNED, ())
    usual = words.map(lambda word: any(part.startswith(_USUAL) for part in plain(word).split()))
    return float(shares[undone | usual].sum()) if undone.any() else 0.0


def is_marked(values: pd.Series) -> pd.Series:
    """Tell where a column that is filled in only where something happened says so: a date, a reason, yes."""
    return values.map(lambda value: isinstance(value, str) and value.strip().casefold() not in _NO).astype(bool)
