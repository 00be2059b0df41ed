"""Lists the lessons, one entry each: its question, its sections and its needs; and the paths through the lessons.

README, ``ecomlib run``, its report, ``ecomlib data check`` and ``make notebooks`` read it. What is not written yet says
so in the README. Docstrings of the package point here (``lesson NN, section N``); a test follows these pointers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

KINDS = ("build", "compare", "diagnose", "decide", "Part B")


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


LESSONS = (
    Lesson(
        "00",
        "Quickstart",
        "What shall we order on Monday?",
        "00_quickstart.ipynb",
        (
            "A shop in ten tables",
            "The naive order list",
            "A forecast in ten lines",
            "From a fan to an order",
            "What it earns",
            "Your shop",
        ),
        needs=SecondPart(weeks=23, better_with=("orders.region_id", "products.unit_cost")),
        spine=True,
        rewritten=True,
    ),
    Lesson(
        "01",
        "Preprocessing",
        "Why did the tutorial's model score 0.99?",
        "01_preprocessing.ipynb",
        (
            "The leaky twin",
            "Take it apart, fault by fault",
            "Cleaning with a report",
            "The regular panel",
            "Splits that cannot leak",
        ),
        needs=SecondPart(weeks=0, step="", better_with=("products.launched_on", "inventory")),
        prerequisites=("00",),
        spine=True,
        rewritten=True,
    ),
    Lesson(
        "01b",
        "Time step and season",
        "Day, week or month?",
        "01b_time_step_and_season.ipynb",
        (
            "Three steps, one order",
            "Season",
            "Stationary or not",
            "There and back",
        ),
        needs=SecondPart(weeks=26, step="days"),
        prerequisites=("01",),
        rewritten=True,
    ),
    Lesson(
        "02",
        "Text features with BERT",
        "What does the shop know about a product nobody has bought?",
        "02_text_features.ipynb",
        (
            "Structured features first",
            "From title to vector",
            "What a vector knows",
            "What it does not",
            "Cold start, with controls",
            "Would a larger model help?",
        ),
        needs=SecondPart(weeks=17, old=20, new=5, better_with=("products.category",), english=True),
        prerequisites=("00",),
        spine=True,
        rewritten=True,
    ),
    Lesson(
        "02b",
        "One row for everything",
        "What did the shop know on that Monday?",
        "02b_one_row_for_everything.ipynb",
        (
            "One row as of a Monday",
            "The join that leaks",
            "What each table is worth",
            "Entity embeddings, the text's structured twin",
            "An encoder trained on the shop's own texts",
        ),
        needs=SecondPart(weeks=24, products=5, better_with=("prices", "inventory", "reviews", "orders.returned")),
        prerequisites=("00", "02"),
        rewritten=True,
    ),
    Lesson(
        "03",
        "Causal analysis",
        "If we raise the price by 5 %, how many units do we lose?",
        "03_causal_analysis.ipynb",
        (
            "The wrong answer",
            "The graph",
            "Fixed effects, and where they fail",
            "Double machine learning by hand",
            "What it rests on",
            "The 5 % answered",
        ),
        needs=SecondPart(weeks=8, products=10, moved=0.1, better_with=("prices", "listings", "mailings")),
        prerequisites=("00",),
        spine=True,
        rewritten=True,
    ),
    Lesson(
        "03b",
        "Experiments and doubt",
        "How would we know that we are wrong?",
        "03b_experiments_and_doubt.ipynb",
        (
            "A placebo",
            "A negative control",
            "How strong a hidden confounder must be",
            "Coverage over stores",
            "Promotions: chosen, and by a coin",
            "The roll-out",
        ),
        needs=SecondPart(weeks=8, products=10, moved=0.1, better_with=("prices",)),
        prerequisites=("03",),
        data_sets=("hillstrom",),
        rewritten=True,
    ),
    Lesson(
        "04",
        "Sequence models",
        "Which memory should the buyer trust?",
        "04_sequence_models.ipynb",
        (
            "The row to beat",
            "One gradient by hand",
            "How long can it remember",
            "Gates",
            "A search, and three questions for one network",
            "Will she come back",
        ),
        needs=SecondPart(weeks=13, better_with=("orders.customer_id", "prices")),
        prerequisites=("00",),
        limit_seconds=90,
        spine=True,
        rewritten=True,
    ),
    Lesson(
        "04a",
        "Attention and the plan",
        "Last year, or your own plan: what should the network look at?",
        "04a_attention_and_the_plan.ipynb",
        (
            "Look back a year at once",
            "Where does it look",
            "What is known on Monday",
            "A buyer's own loss",
        ),
        needs=SecondPart(weeks=13, better_with=("prices",)),
        prerequisites=("04",),
        spine=True,
        rewritten=True,
    ),
    Lesson(
        "04b",
        "Training on a GPU",
        "What did the GPU buy us?",
        "04b_training_on_a_gpu.ipynb",
        (
            "Two floors before any run: arithmetic and bytes",
            "The data path",
            "Precision",
            "Compile and graph replay",
            "Where the time goes",
            "More GPUs",
        ),
        needs=SecondPart(weeks=2),
        prerequisites=("04",),
        rewritten=True,
    ),
    Lesson(
        "04c",
        "The modern field",
        "Which of the new ones is worth your evening?",
        "04c_modern_field.ipynb",
        (
            "One contract",
            "The line, the patch and the column",
            "Same windows, same budget",
            "What moves the error",
            "A forecaster that never saw the shop",
            "A class of your own",
        ),
        needs=SecondPart(weeks=13),
        prerequisites=("04a",),
        rewritten=True,
    ),
    Lesson(
        "05",
        "Space and time",
        "It is raining in the west: what will the east buy on Thursday?",
        "05_spatio_temporal.ipynb",
        (
            "The shock travels",
            "Region by region",
            "Neighbours by hand",
            "Networks that look over the border",
            "Wrong maps",
            "What Thursday is worth",
        ),
        needs=SecondPart(weeks=19, step="days", tables=("products", "orders.region_id", "regions"), regions=3),
        prerequisites=("04",),
        rewritten=True,
    ),
    Lesson(
        "06",
        "Adversarial training",
        "Somebody is buying our forecast",
        "06_adversarial_training.ipynb",
        (
            "The attack in the shop's words",
            "Thirty-six plans",
            "Where enumeration ends",
            "Is the attack real?",
            "Training against it, and its cheap rivals",
            "What protection costs",
        ),
        needs=SecondPart(weeks=13),
        prerequisites=("04",),
        spine=True,
        rewritten=True,
    ),
    Lesson(
        "07",
        "Ensembling",
        "Whom do we listen to?",
        "07_ensembling.ipynb",
        (
            "One team, one table",
            "What an average removes",
            "Settle it beforehand",
            "Weights",
            "Good by item, short in sum",
            "Whom we listen to",
        ),
        needs=SecondPart(weeks=11, better_with=("orders.region_id",)),
        prerequisites=("00",),
        limit_seconds=90,
        spine=True,
        rewritten=True,
    ),
    Lesson(
        "07b",
        "Honest intervals",
        "How wrong may we be, and who pays?",
        "07b_honest_intervals.ipynb",
        (
            "Covered on average, not here",
            "From past errors to a width",
            "A width that fits the product",
            "Repair the groups you can name",
            "When tomorrow is not like yesterday",
            "Who pays",
        ),
        needs=SecondPart(weeks=9, better_with=("orders.region_id",)),
        prerequisites=("00",),
        rewritten=True,
    ),
    Lesson(
        "08",
        "Deployment",
        "Friday, 18:00: the model goes live",
        "08_deployment.ipynb",
        (
            "Choose it and prove it",
            "Serve",
            "A week in a second",
            "Pull the plug",
            "The world changes",
            "Who may serve",
        ),
        needs=SecondPart(weeks=14, better_with=("inventory",)),
        prerequisites=("00",),
        extras=("serve",),
        spine=True,
        rewritten=True,
    ),
    Lesson(
        "11",
        "Sales plan",
        "What will the whole shop sell next quarter, and do the numbers add up?",
        "11_sales_plan.ipynb",
        (
            "Sums of medians fall short",
            "Means, heads and smearing",
            "Coherence",
            "What is known ahead",
            "An interval for the sum",
            "The quarter's plan",
        ),
        needs=SecondPart(weeks=8, better_with=("orders.region_id",)),
        prerequisites=("00",),
        rewritten=True,
    ),
    Lesson(
        "11b",
        "The lumpy catalogue",
        "It sells twice a year: how many do we keep?",
        "11b_lumpy_catalogue.ipynb",
        (
            "The zero that wins",
            "Croston on six weeks",
            "From a rate to an order",
            "What learns from all items at once",
            "What is kept on Monday",
        ),
        needs=SecondPart(weeks=9),
        prerequisites=("11",),
        rewritten=True,
    ),
    Lesson(
        "12",
        "Inventory",
        "When do we order, how much, and where do we put it?",
        "12_inventory.ipynb",
        (
            "Headroom first",
            "What was not sold",
            "Four formulas",
            "From forecast to level",
            "Where do we put it?",
            "Played in the closed loop",
        ),
        needs=SecondPart(weeks=13, better_with=("inventory",)),
        prerequisites=("00",),
        extras=("decide",),
        rewritten=True,
    ),
    Lesson(
        "13",
        "Pricing",
        "What should it cost on Thursday?",
        "13_pricing.ipynb",
        (
            "From elasticity to price",
            "Promised and earned",
            "The offers page",
            "When the price moves, the forecast breaks",
            "The price list",
            "What a shop may not do",
        ),
        needs=SecondPart(weeks=26, products=10, moved=0.1),
        prerequisites=("03",),
        rewritten=True,
    ),
    Lesson(
        "13b",
        "Learning a price",
        "Eight weeks, sixteen coats: when do we mark down?",
        "13b_learning_a_price.ipynb",
        (
            "A season's last stock",
            "Backward from the last week",
            "Learning without a model",
            "One log for a planner and a learner",
            "The old log and the new price",
            "On Monday",
        ),
        needs=SecondPart(weeks=8, products=10, moved=0.1),
        prerequisites=("13",),
        rewritten=True,
    ),
)

# Ways through the course for readers who do not want all of it: each holds what its lessons build on.
PATHS: Mapping[str, tuple[str, ...]] = {
    "half a day": ("00", "01"),
    "one day": ("00", "01", "07b", "08"),
    "two days": ("00", "01", "02", "03", "04", "04a", "07b", "08"),
    "evenings on Colab": ("00", "02", "04", "04a", "04b", "03"),
    "analyst": ("00", "01", "03", "03b"),
    "platform": ("00", "01", "08"),
}


def lesson(number: str) -> Lesson | None:
    """Return lesson ``number`` (such as ``"04b"``), or None where the syllabus has none of this number."""
    return next((entry for entry in LESSONS if entry.number == number), None)


def in_reading_order() -> tuple[Lesson, ...]:
    """List the lessons as a reader meets them: the spine first, then the shelf."""
    return tuple(sorted(LESSONS, key=lambda entry: not entry.spine))
