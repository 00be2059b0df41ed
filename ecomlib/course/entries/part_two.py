"""Lists the lessons of Part II: what the shop decides, one entry each."""

from __future__ import annotations

from ecomlib.course.entries.entry import Lesson, SecondPart

LESSONS = (
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
