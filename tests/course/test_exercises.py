"""Every exercise: solution passes, stub is unfinished, each mistake gets its own hint. And the quiz parser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import toy_lesson
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LinearRegression, PoissonRegressor
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import normalize

from ecomlib.course import exercises
from ecomlib.course.authoring import quiz
from ecomlib.course.exercises import Exercise, Raised, judge, same
from ecomlib.errors import LessonError

ALL = [exercise for lesson in exercises.modules() for exercise in exercises.exercises(lesson).values()]
MISTAKES = [(exercise, name) for exercise in ALL for name in exercise.mistakes]


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Exercise]:
    """The toy lesson's exercise, found by its name as a lesson's would be."""
    monkeypatch.setattr(exercises, "__path__", [*exercises.__path__, str(toy_lesson.CHECKS)])
    yield exercises.find("90.double")


def test_there_are_exercises() -> None:
    assert ALL


@pytest.mark.parametrize("exercise", ALL, ids=lambda e: e.name)
def test_the_solution_passes_and_the_stub_is_unfinished(exercise: Exercise) -> None:
    assert judge(exercise, exercise.solution).status == "right"
    assert judge(exercise, exercise.stub).status == "unfinished"
    assert exercise.mistakes, "an exercise knows the mistakes that people make"


@pytest.mark.parametrize(("exercise", "mistake"), MISTAKES, ids=lambda v: v if isinstance(v, str) else v.name)
def test_each_mistake_gets_its_own_hint(exercise: Exercise, mistake: str) -> None:
    wrong, hint = exercise.mistakes[mistake]
    verdict = judge(exercise, wrong)
    assert (verdict.status, verdict.mistake) == ("mistake", mistake)
    assert hint in verdict.text
    hints = [h for _, h in exercise.mistakes.values()]
    assert hints.count(hint) == 1 and len(hint) > 20


@pytest.mark.parametrize("exercise", ALL, ids=lambda e: e.name)
def test_other_ways_to_write_a_mistake_get_its_hint_and_two_at_once_get_both(exercise: Exercise) -> None:
    for name, ways in exercise.also.items():
        assert [judge(exercise, way).mistake for way in ways] == [name] * len(ways), name
    for names, both in exercise.pairs.items():
        verdict = judge(exercise, both)
        assert verdict.mistake == " and ".join(names)
        assert all(exercise.mistakes[name][1] in verdict.text for name in names)


@pytest.mark.parametrize("exercise", ALL, ids=lambda e: e.name)
def test_the_cases_are_the_same_each_time_and_stay_unharmed(exercise: Exercise) -> None:
    first, second = exercise.make_cases(), exercise.make_cases()
    assert len(first) >= 2, "one case does not tell mistakes apart"
    for a, b in zip(first, second, strict=True):
        assert same(a, b)
    judge(exercise, exercise.solution)
    assert all(same(a, b) for a, b in zip(first, exercise.make_cases(), strict=True))


def test_exercises_are_named_after_their_lesson() -> None:
    for lesson in exercises.modules():
        assert all(name.startswith(f"{lesson}.") for name in exercises.exercises(lesson))


def test_an_unknown_mistake_is_shown_on_the_smallest_input(toy: Exercise) -> None:
    verdict = judge(toy, lambda x: x + 1)
    assert verdict.status == "wrong" and "not in a way that this check knows" in verdict.text
    assert "x = 3" in verdict.text and "expected: 6" in verdict.text and "got:      4" in verdict.text


def test_an_answer_that_is_right_on_the_small_input_only_is_not_right(toy: Exercise) -> None:
    assert judge(toy, lambda x: 6.0).status == "wrong"


def test_an_answer_that_stops_is_explained(toy: Exercise) -> None:
    def broken(x: float) -> float:
        return x / 0

    verdict = judge(toy, broken)
    assert verdict.status == "error"
    assert "ZeroDivisionError" in verdict.text and "`return x / 0`" in verdict.text and "x = 3" in verdict.text


def test_a_wrong_signature_is_explained(toy: Exercise) -> None:
    verdict = judge(toy, lambda: 6)
    assert verdict.status == "error"
    assert "takes ()" in verdict.text and "calls it with (x)" in verdict.text


@pytest.mark.parametrize("answer", [None, ..., lambda x: None, lambda x: ...])
def test_placeholders_are_unfinished(toy: Exercise, answer: object) -> None:
    assert judge(toy, answer).status == "unfinished"


def test_raising_not_implemented_is_unfinished(toy: Exercise) -> None:
    def later(x: float) -> float:
        raise NotImplementedError

    assert judge(toy, later).status == "unfinished"


def test_an_array_from_the_given_inputs_is_judged_too(toy: Exercise) -> None:
    (x,) = exercises.inputs("90.double")
    assert judge(toy, 2 * x).status == "right"
    assert judge(toy, x * x).mistake == "square"


def test_check_prints_and_never_raises(toy: Exercise, capsys: pytest.CaptureFixture[str]) -> None:
    exercises.check("90.double", lambda x: 2 * x)
    exercises.check("90.double", lambda x: x * x)
    exercises.check("90.double", lambda x: x["no"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "✓ Right. Twice as much."
    assert "That is the square" in lines[1]
    assert "TypeError" in lines[2]


def test_an_answer_that_changes_its_input_harms_nothing() -> None:
    def spoil(x: np.ndarray) -> np.ndarray:
        x *= 0
        return x

    exercise = Exercise("90.x", lambda x: x + 1, lambda x: ..., lambda rng: [(np.ones(2),), (np.zeros(3),)], {})
    assert "x = [1. 1.]" in judge(exercise, spoil).text


def test_a_wrong_shape_is_named() -> None:
    exercise = Exercise("90.x", lambda x: x, lambda x: ..., lambda rng: [(np.ones(2),)], {})
    assert "expected (2,), got (2, 1)" in judge(exercise, lambda x: x[:, None]).text


def test_a_list_in_place_of_a_set_is_told_so_and_still_gets_the_hint_for_its_members() -> None:
    exercise = exercises.find("03.back_door")
    for kind in (list, tuple):
        verdict = judge(exercise, lambda *given, kind=kind: kind(exercise.solution(*given)))
        assert (verdict.status, verdict.mistake) == ("mistake", "not_a_set")
        assert f"not as a {kind.__name__}" in verdict.text
    for name, (wrong, _) in exercise.mistakes.items():
        assert judge(exercise, lambda *given, wrong=wrong: sorted(wrong(*given))).mistake == name
    unknown = judge(exercise, lambda *given: ["nothing"])
    assert unknown.status == "wrong" and "got:      ['nothing']" in unknown.text
    assert judge(exercise, lambda *given: [{}]).status == "wrong", "members that no set can hold"


def direct_causes(arrows: list[tuple[str, str]], treatment: str, outcome: str) -> set[str]:
    return {cause for cause, effect in arrows if effect == treatment}


def direct_confounders(arrows: list[tuple[str, str]], treatment: str, outcome: str) -> set[str]:
    right = exercises.find("03.back_door").solution(arrows, treatment, outcome)
    return direct_causes(arrows, treatment, outcome) & right


def divided_by_all(day: np.ndarray, back: np.ndarray, today: int, wait: int, a: float, b: float) -> float:
    return float((a + back[day + wait < today].sum()) / (a + b + len(day)))


def divided_by_known(day: np.ndarray, back: np.ndarray, today: int, wait: int, a: float, b: float) -> float:
    return float((a + back[day + wait < today].sum()) / (day + wait < today).sum())


def zeros_over_sales(units: np.ndarray, launch: int, in_stock: np.ndarray) -> np.ndarray:
    units[launch:][in_stock[launch:]] = 0
    return units


def zeros_on_empty_shelves(units: np.ndarray, launch: int, in_stock: np.ndarray) -> list[float]:
    weeks = enumerate(zip(units, in_stock, strict=True))
    return [0.0 if np.isnan(y) and k >= launch and not there else y for k, (y, there) in weeks]


def deviations_from_the_median(values: np.ndarray) -> pd.Series:
    values = pd.Series(values)
    return (values - values.median()) / values.std()


def letters(train: list[str], test: list[str]) -> np.ndarray:
    words = sorted(set(" ".join(train).split()))
    df = np.array([sum(1 for title in train if w in title) for w in words])
    rows = np.array([[title.count(w) for w in words] for title in test]) * (np.log((1 + len(train)) / (1 + df)) + 1)
    return rows / np.maximum(np.sqrt((rows**2).sum(axis=1)), 1e-12)[:, None]


def letters_in_df(train: list[str], test: list[str]) -> np.ndarray:
    words = sorted(set(" ".join(train).split()))
    df = np.array([sum(w in title for title in train) for w in words])
    rows = np.array([[title.split().count(w) for w in words] for title in test])
    rows = rows * (np.log((1 + len(train)) / (1 + df)) + 1)
    return rows / np.maximum(np.sqrt((rows**2).sum(axis=1)), 1e-12)[:, None]


def tokens_counted(train: list[str], test: list[str]) -> np.ndarray:
    vectorizer = CountVectorizer(analyzer=str.split)
    df = vectorizer.fit_transform(train).toarray().sum(axis=0)
    return normalize(vectorizer.transform(test).toarray() * (np.log((1 + len(train)) / (1 + df)) + 1))


def sparse_rows(train: list[str], test: list[str]) -> Any:
    return TfidfVectorizer(analyzer=str.split).fit(train).transform(test)


def df_of_the_test_titles(train: list[str], test: list[str]) -> np.ndarray:
    words = sorted(set(" ".join(train).split()))
    df = np.array([sum(w in title.split() for title in test) for w in words])
    rows = np.array([[title.split().count(w) for w in words] for title in test])
    return np.asarray(normalize(rows * (np.log((1 + len(train)) / (1 + df)) + 1)))


def places_within(
    base: np.ndarray, vectors: np.ndarray, fifth: np.ndarray, lot: np.ndarray, y: np.ndarray, penalty: float
) -> np.ndarray:
    block = vectors.copy()
    for k in set(fifth):
        block[fifth == k] = vectors[np.argsort(lot[fifth == k])]
    x = np.column_stack([base, block])
    held = np.diag([0.0] * base.shape[1] + [penalty] * block.shape[1])
    return x @ np.linalg.solve(x.T @ x + held, x.T @ y)


def poisson_params(units: np.ndarray, price: np.ndarray) -> Any:
    return sm.GLM(units, sm.add_constant(np.log(price)), family=sm.families.Poisson()).fit(tol=1e-12).params


def poisson_without_constant(units: np.ndarray, price: np.ndarray) -> float:
    return float(sm.GLM(units, np.log(price), family=sm.families.Poisson()).fit(tol=1e-12).params[0])


def poisson_regressor(alpha: float) -> exercises.Answer:
    def answer(units: np.ndarray, price: np.ndarray) -> float:
        return float(PoissonRegressor(alpha=alpha).fit(np.log(price)[:, None], units).coef_[0])

    return answer


def group_k_fold(x: np.ndarray, target: np.ndarray, product: np.ndarray, folds: int) -> np.ndarray:
    guess = np.empty(len(x))
    for seen, rest in GroupKFold(folds).split(x, groups=product):
        guess[rest] = LinearRegression().fit(x[seen, None], target[seen]).predict(x[rest, None])
    return guess


def test_the_regressor_of_scikit_learn_is_right_without_its_penalty() -> None:
    assert judge(exercises.find("03.elasticity"), poisson_regressor(0.0)).status == "right"
    assert judge(exercises.find("03.elasticity"), poisson_regressor(1e-3)).status == "wrong"


def share_alone(effect: float, placebos: np.ndarray) -> float:
    return (sum(abs(p) >= abs(effect) for p in placebos) + 1) / (len(placebos) + 1)


def larger_only(effect: float, placebos: np.ndarray) -> tuple[float, str]:
    share = (sum(abs(p) > abs(effect) for p in placebos) + 1) / (len(placebos) + 1)
    return share, "not chance" if share <= 0.05 else "cannot tell"


def below_five_per_cent(effect: float, placebos: np.ndarray) -> list[Any]:
    share = share_alone(effect, placebos)
    return [share, "not chance" if share < 0.05 else "cannot tell"]


def one_less(levels: np.ndarray, forecast: np.ndarray, c_u: float, c_o: float) -> list[float]:
    return [float(np.interp((c_u - c_o) / c_u, levels, row)) for row in forecast]


def interp_swapped(levels: np.ndarray, forecast: np.ndarray, c_u: float, c_o: float) -> list[float]:
    return [float(np.interp(c_u / (c_u + c_o), row, levels)) for row in forecast]


def shuffled_units(feature: Any, table: np.ndarray, other: np.ndarray, cuts: list[int]) -> list[float]:
    shares = []
    for cut in cuts:
        changed = table.copy()
        changed[cut:, 0] = np.random.default_rng(1).permutation(changed[cut:, 0])
        shares.append(float(np.mean(~np.isclose(feature(changed)[:cut], feature(table)[:cut], equal_nan=True))))
    return shares


def new_units(feature: Any, table: np.ndarray, other: np.ndarray, cuts: list[int]) -> list[float]:
    shares = []
    for cut in cuts:
        changed = np.column_stack([np.append(table[:cut, 0], other[cut:, 0]), table[:, 1:]])
        old, new = pd.Series(feature(table)[:cut]), pd.Series(feature(changed)[:cut])
        shares.append(1 - (old.eq(new) | (old.isna() & new.isna())).mean())
    return shares


def growth_rates(units: np.ndarray, treated: np.ndarray, after: np.ndarray) -> float:
    on, off = units[treated & after].mean() / units[treated & ~after].mean(), units[~treated & after].mean()
    return float(np.log(on) - np.log(off / units[~treated & ~after].mean()))


def levels(units: np.ndarray, treated: np.ndarray, after: np.ndarray) -> float:
    table = pd.DataFrame({"u": units, "t": treated, "a": after}).pivot_table("u", "t", "a")
    return float(table.diff(axis=1).iloc[:, 1].diff().iloc[1])


def controls_first(units: np.ndarray, treated: np.ndarray, after: np.ndarray) -> float:
    logs = pd.Series(np.log(units)).groupby([treated, after]).mean()
    return float((logs[False, True] - logs[False, False]) - (logs[True, True] - logs[True, False]))


def regression(units: np.ndarray, treated: np.ndarray, after: np.ndarray) -> float:
    X = np.column_stack([np.ones(len(units)), treated, after, treated & after]).astype(float)
    return float(np.linalg.lstsq(X, np.log(units), rcond=None)[0][3])


def test_the_slope_of_an_interaction_is_the_difference_in_differences() -> None:
    assert judge(exercises.find("03b.did"), regression).status == "right"


# What learners wrote who then got no hint, or were told that they were right.
SLIPS = [
    ("00.order_quantity", one_less, "one_less_ratio"),
    ("00.order_quantity", interp_swapped, "axes_swapped"),
    ("01.zero_fill", zeros_over_sales, "sales_overwritten"),
    ("01.zero_fill", zeros_on_empty_shelves, "in_stock_inverted"),
    ("01.leak_test", shuffled_units, "dealt_anew"),
    ("01.leak_test", new_units, "units_only"),
    ("01.robust_z", deviations_from_the_median, "median_and_sample_sd"),
    ("02.tfidf", letters, "substrings"),
    ("02.tfidf", letters_in_df, "substring_df"),
    ("02.tfidf", tokens_counted, "token_count"),
    ("02.tfidf", sparse_rows, "sparse"),
    ("02.tfidf", df_of_the_test_titles, "df_from_test"),
    ("02.fair_control", places_within, "places_within_the_fifth"),
    ("03.elasticity", poisson_params, "params"),
    ("03.elasticity", poisson_without_constant, "no_intercept"),
    ("03.elasticity", poisson_regressor(1.0), "penalised"),
    ("03.cross_fit", group_k_fold, "group_k_fold"),
    ("03b.placebo", share_alone, "share_only"),
    ("03b.placebo", larger_only, "ties_left_out"),
    ("03b.placebo", below_five_per_cent, "strictly_below"),
    ("03b.did", growth_rates, "log_of_means"),
    ("03b.did", levels, "units"),
    ("03b.did", controls_first, "sign"),
    ("03.back_door", direct_causes, "parents_of_treatment"),
    ("03.back_door", direct_confounders, "parents_that_reach_the_outcome"),
    ("02b.return_rate", divided_by_all, "divided_by_all_lines"),
    ("02b.return_rate", divided_by_known, "prior_above_only"),
]


@pytest.mark.parametrize(("name", "answer", "mistake"), SLIPS, ids=[slip[2] for slip in SLIPS])
def test_slips_of_learners_have_their_hints(name: str, answer: exercises.Answer, mistake: str) -> None:
    with np.errstate(divide="ignore"):
        assert judge(next(exercise for exercise in ALL if exercise.name == name), answer).mistake == mistake


@pytest.mark.parametrize(
    ("line", "mistake"),
    [
        ("h_before + u * d", "slope_forgotten"),
        ("(1 - h) * (h_before + u * d)", "one_minus_h"),
        ("h * (1 - h) * (h_before + u * d)", "sigmoid_slope"),
        ("(1 - h_before**2) * (h_before + u * d)", "slope_of_the_old_state"),
        ("(1 - h**2) * h_before + u * d", "slope_not_on_the_chain"),
        ("(1 - np.tanh(h)**2) * (h_before + u * d)", "tanh_twice"),
        ("(1 - h**2) * (h_before + u * d)", None),
    ],
)
def test_a_slip_in_the_slope_of_tanh_has_its_hint(line: str, mistake: str | None) -> None:
    code = "def f(x, w, u):\n h_before = d = 0.0\n for value in x:\n  h = np.tanh(w * value + u * h_before)\n"
    names: dict[str, Any] = {"np": np}
    exec(f"{code}  d = {line}\n  h_before = h\n return d", names)
    assert judge(exercises.find("04.bptt"), names["f"]).mistake == mistake


def test_a_pair_in_a_list_is_as_right_as_in_brackets() -> None:
    exercise = exercises.find("03b.placebo")
    assert judge(exercise, lambda *given: list(exercise.solution(*given))).status == "right"
    assert judge(exercise, lambda *given: [exercise.solution(*given)[0], "perhaps"]).status == "wrong"


def test_sparse_rows_get_the_hint_for_their_numbers() -> None:
    exercise = exercises.find("02.tfidf")
    verdict = judge(exercise, sparse_rows)
    assert ".toarray()" in verdict.text
    plain = judge(
        exercise, lambda train, test: TfidfVectorizer(analyzer=str.split, norm=None).fit(train).transform(test)
    )
    assert plain.mistake == "not_scaled"


def test_an_unknown_exercise_names_those_there_are(toy: Exercise) -> None:
    with pytest.raises(LessonError, match=r"no exercise '90.half'. Known: 90.double"):
        exercises.find("90.half")
    with pytest.raises(LessonError, match="none in this lesson"):
        exercises.find("88.x")


A, B = pd.Series([1.0, 2.0]), pd.Series([1.0, 2.0], index=[1, 0])


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        (1, 1.0, True),
        (1.0, 1.0 + 1e-12, True),
        (1.0, 1.001, False),
        (np.nan, np.nan, True),
        (np.array([1, 2]), [1, 2], True),
        (np.array([1, 2]), np.array([[1, 2]]), False),
        (A, A.copy(), True),
        (A, B, False),
        (A, A.to_numpy(), True),
        (A.to_frame("a"), A.to_frame("b"), False),
        (A.to_frame("a"), A.to_frame("a"), True),
        ({"a": 1}, {"a": 1.0}, True),
        ({"a": 1}, {"b": 1}, False),
        ((1, np.ones(2)), (1, np.ones(2)), True),
        ((1, 2), (1,), False),
        ({"x"}, {"x"}, True),
        ("x", "y", False),
        ("x", 1, False),
        (None, 0, False),
        (None, None, True),
        ([1, [2, 3]], 1, False),
        (np.array(["a", None], dtype=object), np.array(["a", None], dtype=object), True),
        (Raised(ValueError()), Raised(ValueError("other words")), True),
        (Raised(ValueError("of 3 rows, 2 fit")), Raised(ValueError("of 14 rows, 9 fit")), True),
        (Raised(ValueError("too deep")), Raised(ValueError("too small")), False),
        (Raised(IndexError("of a list")), Raised(IndexError("of an array")), True),
        (Raised(ValueError()), Raised(KeyError()), False),
        (Raised(ValueError()), 1, False),
    ],
)
def test_what_counts_as_the_same_answer(left: object, right: object, equal: bool) -> None:
    assert same(left, right) is equal


def test_tensors_are_compared_as_arrays() -> None:
    torch = pytest.importorskip("torch")
    assert same(torch.ones(2, requires_grad=True), np.ones(2))


def test_the_quiz_parser_reads_what_it_documents() -> None:
    questions = quiz.parse(toy_lesson.QUIZ)
    assert [q.number for q in questions] == [1, 2, 3, 4, 5]
    assert [c.right for c in questions[0].choices] == [True, False, False]
    assert questions[1].text == "What is 2 + 1?"
    assert questions[0].choices[1].why == "Nothing was added: this is 1 itself."
    assert quiz.complaints(questions) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("**Question 1.**", "Question one.", r"questions \[2, 3, 4, 5\]"),
        (
            "**Wrong.** Nothing was added: this is 2 itself.",
            "**Right.** Nothing was added: this is 2 itself.",
            "exactly one",
        ),
        ("**Wrong.** Nothing was added: this is 2 itself.", "No.", "starts with"),
        ("**Wrong.** Nothing was added: this is 2 itself.", "**Wrong.** No.", "without an explanation"),
        ("<summary>1</summary>", "<summary>2</summary>", "alike"),
        ("What is 3 + 1?", "", "question 3 has no text"),
    ],
)
def test_a_faulty_quiz_is_noticed(old: str, new: str, said: str) -> None:
    assert old in toy_lesson.QUIZ
    found = quiz.complaints(quiz.parse(toy_lesson.QUIZ.replace(old, new, 1)))
    assert any(__import__("re").search(said, complaint) for complaint in found), found
