"""Says what an entry of the syllabus holds: a lesson, and what its second part needs of a shop."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SecondPart:
    """State what a lesson's second part needs of a shop.

    Parameters
    ----------
    weeks : int
        Full weeks of orders: the fewest with which it finds windows to train on and origins to test at. A test runs it
        on shops of so many weeks, and of one less.
    step : str
        How often orders must come: on most ``"days"``, in most ``"weeks"``, or empty where it does not matter.
    tables : tuple of str
        Tables (``"regions"``) and columns (``"orders.region_id"``) without which it cannot run.
    better_with : tuple of str
        The same, for what it can do without but would use.
    english : bool
        Whether it reads the titles with the English encoder.
    products, moved : int, float
        Products that must have sold, and the share of them that must have had more than one price.
    regions : int
        Regions with orders.
    old, new : int
        Products first seen in the first eight weeks, and after them, whose own first eight weeks are over.
    """

    weeks: int = 1
    step: str = "weeks"
    tables: tuple[str, ...] = ("products", "orders")
    better_with: tuple[str, ...] = ()
    english: bool = False
    products: int = 1
    moved: float = 0.0
    regions: int = 0
    old: int = 0
    new: int = 0


@dataclass(frozen=True)
class Lesson:
    """Describe one lesson.

    Parameters
    ----------
    number : str
        Such as ``"04b"``; also the beginning of its file's name.
    title, question : str
        Its name and the shop's question.
    file : str
        Name of the notebook in ``notebooks/``.
    sections : tuple of str
        Titles of the numbered sections in order: section 1 first.
    needs : SecondPart
        What its second part needs of a shop.
    prerequisites : tuple of str
        Numbers of the lessons that a reader has had before.
    limit_seconds : int
        Longest run, from top to bottom on one thread, that ``make notebooks`` accepts without a word.
    data_sets : tuple of str
        Published data sets, besides the store, that it reads where they are on the machine.
    extras : tuple of str
        Optional parts of the package whose cells it skips where they are not installed.
    spine : bool
        Whether the course's main way leads through it; all else is the shelf, read when a question calls for it.
    rewritten : bool
        Whether it is held to the limits of ``ecomlib.course.authoring.air``; of the others their excess is reported.
    """

    number: str
    title: str
    question: str
    file: str
    sections: tuple[str, ...]
    needs: SecondPart = SecondPart()
    prerequisites: tuple[str, ...] = ()
    limit_seconds: int = 60
    data_sets: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    spine: bool = False
    rewritten: bool = False
