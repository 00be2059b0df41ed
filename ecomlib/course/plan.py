"""The plan of the course: each lesson's question and sections. What is not written yet says so in the README.

Docstrings of the package point here (``lesson NN, section N``); a test follows each of these pointers.
"""

from __future__ import annotations

from dataclasses import dataclass

KINDS = ("build", "compare", "diagnose", "decide", "Part B")


@dataclass(frozen=True)
class Lesson:
    """One lesson: its number, title, the shop's question, its file's name, and its sections' titles by `` | ``."""

    number: str
    title: str
    question: str
    file: str
    outline: str

    @property
    def sections(self) -> tuple[str, ...]:
        """The sections' titles in order: section 1 first."""
        return tuple(title.strip() for title in self.outline.split("|"))


LESSONS = (
    Lesson(
        "00",
        "Quickstart",
        "What shall we order on Monday?",
        "00_quickstart.ipynb",
        "A shop in ten tables | The naive order list | A forecast in ten lines | Reading a title | "
        "What it earns | Your shop",
    ),
    Lesson(
        "01",
        "Preprocessing",
        "Why did the tutorial's model score 0.99?",
        "01_preprocessing.ipynb",
        "The leaky twin | Take it apart, fault by fault | Cleaning with a report | The regular panel | "
        "Day, week, month | Stationary or not | Splits that cannot leak",
    ),
    Lesson(
        "02",
        "Text features with BERT",
        "What does the shop know about a product nobody has bought?",
        "02_text_features.ipynb",
        "Structured features first | From title to vector | What a vector knows | What it does not | "
        "Cold start, with controls | Making it the shop's own | Entity embeddings, the text's structured twin",
    ),
    Lesson(
        "03",
        "Causal analysis and fusion",
        "If we raise the price by 5 %, how many units do we lose?",
        "03_causal_analysis.ipynb",
        "Fuse the sources as of a time | The wrong answer | The graph | Fixed effects fail too | "
        "Double machine learning by hand, with text as the confounder | How sure | Promotions and the roll-out | "
        "The 5 % answered",
    ),
    Lesson(
        "04",
        "Sequence models",
        "Which memory should the buyer trust?",
        "04_sequence_models.ipynb",
        "The row to beat | One gradient by hand | How long can it remember | Gates | Look back a year at once | "
        "What is known on Monday | One wholesale order | Will she come back",
    ),
    Lesson(
        "04b",
        "Training on a GPU",
        "What did the GPU buy us?",
        "04b_training_on_a_gpu.ipynb",
        "Two floors before any run: arithmetic and bytes | The data path | Precision | Compile and graph replay | "
        "Where the time goes | More GPUs",
    ),
    Lesson(
        "05",
        "Space and time",
        "It is raining in the west: what will the east buy on Thursday?",
        "05_spatio_temporal.ipynb",
        "The shock travels | Region by region | Neighbours by hand | ConvGRU | Attention across regions | "
        "Wrong maps | What Thursday is worth",
    ),
    Lesson(
        "06",
        "Adversarial training",
        "Somebody is buying our forecast",
        "06_adversarial_training.ipynb",
        "The attack in the shop's words | FGSM, PGD by hand | Is the attack real | Words as weapons | "
        "Training against it | The cheap rivals | What protection costs",
    ),
    Lesson(
        "07",
        "Ensembling and uncertainty",
        "How wrong may we be, and who pays?",
        "07_ensembling.ipynb",
        "Why averages win | Weights | From point to interval | Covered on average, not here | "
        "What drives a forecast | Newsvendor",
    ),
    Lesson(
        "08",
        "Deployment",
        "Friday, 18:00: the model goes live",
        "08_deployment.ipynb",
        "Export and prove it | Serve | A day at 1000x | Pull the plug | The world changes | "
        "Retrain, compare, roll back | The whole catalogue by batch",
    ),
)


def lesson(number: str) -> Lesson | None:
    """The plan of lesson ``number`` (such as ``"04b"``), or None."""
    return next((entry for entry in LESSONS if entry.number == number), None)
