"""Knows the words by which shop systems say that an order was cancelled or returned."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from ecomlib.stores.export.role import plain

# Beginnings of words, as ``plain`` writes them.
CANCELLED = tuple(
    re.findall(
        r"\S+",
        """
    cancel void fail storn abgebrochen fehlgeschlagen annul echou cancelad anulad fallid fallit geannuleerd
    mislukt anulow отмен аннулир avbrut annuller makuler odrzuc iptal zruse キャンセル 取消 关闭 交易关闭
    declin reject expired abgelehnt trash draft entwurf
""",
    )
)
RETURNED = tuple(
    re.findall(
        r"\S+",
        """
    refund return erstatt retour ruckgabe ruckerstatt gutschrift rembours reembols devuelt devol rimbors
    terugbeta chargeback reversed zwrot zwroc возвра iade vrac reklamac aterbetal 返品 退款
""",
    )
)
TEST = ("test", "testbestellung", "testauftrag", "sandbox", "prueba")
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
        if words is TEST:  # "tested" is a state of goods
            return bool({*text.split()[:1], *text.split()[-1:]} & set(TEST))
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


def told_of(states: pd.Series) -> str:
    """Say which states the kept lines have, the most frequent first; an empty text where there is none."""
    counts = states.dropna().value_counts()
    shown = [f"{state} ({count:,})" for state, count in counts.head(6).items()]
    return ", ".join([*shown, *(["…"] if len(counts) > 6 else [])])


def overlooked(frame: pd.DataFrame, used: Sequence[str]) -> list[str]:
    """Say which columns that are not read hold words for cancelled, returned or trial orders.

    Parameters
    ----------
    frame : DataFrame
        The rows that are kept, with all columns of the export.
    used : sequence of str
        Columns that are read.
    """
    said = []
    for column in frame.columns.difference(list(used), sort=False):
        counts = frame[column].value_counts()
        if not 0 < len(counts) <= 40:
            continue
        words = pd.Series(counts.index, dtype=object)
        # Longer texts are notes and titles, in which such a word may mean anything.
        short = words.map(lambda word: isinstance(word, str) and len(word.split()) <= 3)
        bad = short & pd.Series(
            np.logical_or.reduce([is_state(words, kind, ()) for kind in (CANCELLED, RETURNED, TEST)]), index=words.index
        )
        if bad.any():
            rows = int(counts[bad.to_numpy()].sum())
            said.append(
                f"'{column}' says {', '.join(words[bad][:3])} on {rows:,} lines that are kept; if they are no sales,"
                " name it as status in the mapping file."
            )
    return said
