"""The course's machinery, and what lesson notebooks import from it.

For authors of lessons
----------------------
A lesson is ``notebooks/NN_name.ipynb``; ``python -m ecomlib.course.authoring.execute NN`` checks it, executes it and
writes its outputs (``--check`` only checks). Its cells are known by their tags:

==================  ===============================================================================================
tag                 cell
==================  ===============================================================================================
(first cell)        Markdown: ``# 00 · Quickstart``, the question, and the line ``<!-- badge --><!-- /badge -->``
                    followed by CPU or GPU and ``<!-- minutes --><!-- /minutes -->``; ``make address`` fills in the
                    Colab badge, ``make notebooks`` the minutes, nobody else does
``setup``           code: exactly ``ecomlib.course.setup_cell.text()``, hidden; ``make notebooks`` writes it for you
``parameters``      code: assignments of literals only (SIZE, SEED, DEVICE, STORE); derive in the next cell
(headings)          ``## 3 · Cleaning with a report *(build)*`` – build, compare, diagnose, decide, or Part B;
                    numbered as in ``ecomlib/course/syllabus.py``; what it does not number (the Quiz, most
                    Parts B: ``## Your shop *(Part B)*``) carries no number
``task``            Markdown: the exercise's text with the expected output or figure, then directly
``exercise``        code: the stub, a typed function that returns ``...``, then directly
``check``           code: one line, ``check("00.order_quantity", order_quantity)``, then directly
``solution``        code: first line ``# @title Solution: …``, cell metadata ``jupyter.source_hidden`` true; defines
                    ``order_quantity_solution`` and ends with ``check("00.order_quantity", order_quantity_solution)``
``quiz``            Markdown: four to eight questions, format in ``ecomlib/course/authoring/quiz.py``
``instructor``      Markdown for the instructor's set of the workshop only (rare)
``hide-input``      hidden code (drawing, sentences, imports), with ``jupyter.source_hidden`` and ``# @title …`` as its
                    first line
(predict)           cell metadata ``predict``: a prompt to predict, change and run
                    (``ecomlib/course/authoring/prompts.py``); the next Markdown cell tells it, folded
==================  ===============================================================================================

``ecomlib/course/authoring/air.py`` holds the limits of a rewritten lesson, and says how the notebook's metadata except
from them. A term of the glossary is in bold and linked where it is first used:
``[**bootstrap**](../GLOSSARY.md#bootstrap)``.

``check`` prints a success line or a hint and never raises; the exercise itself is declared in
``ecomlib/course/exercises/lesson_NN.py`` as an :class:`Exercise` in a tuple ``EXERCISES``.

``publish(kind, obj, title=…, alt=…)`` shows a figure, a frame or a sentence and marks it for ``build/report.html``;
kinds are ``map, fan, leaderboard, money, figure, answer, shop``. A figure needs ``alt``; an answer is the lesson's one
sentence on the simulated store, and ``shop`` is a ``ShopAnswer`` or an ``AnswerCard`` of the reader's own.
Each figure goes through ``publish`` (it closes the figure: no ``plt.show()`` then); one that is not for the report has
the kind ``plain``. So every figure has its alt text, and the tests insist on it.
``say(text)`` shows a sentence whose numbers were just computed.
``results_table("00", rows)`` ends each lesson: rows have ``model`` and any of ``kind, wape, bias, rmsse, skill, money,
seconds``.
"""

import warnings

from ecomlib.course.exercises import Exercise, check, inputs
from ecomlib.course.publishing import publish, results_table, say

__all__ = ["Exercise", "check", "inputs", "publish", "results_table", "say"]

# Libraries that lessons use import `tqdm.auto`, which warns where ipywidgets are not installed, though nothing of ours
# needs them. A lesson's page would begin with that warning.
warnings.filterwarnings("ignore", message="IProgress not found")
