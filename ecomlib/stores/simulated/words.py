"""What products are called: categories, materials, uses, and words that tell the quality (lesson 02, section 2).

The lists were written by hand before any embedding of them had been looked at, and are not tuned to one. A concept (a
material, a use, a level of quality) has four wordings that share no content word with any other wording, so that a
word-counting model knows nothing of an unseen one. One wording of each concept, rotated by the store's seed, is kept
back for cold products.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ecomlib.stores.simulated.settings import Settings

WORDINGS = 4


def _rows(text: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(line.strip().split(" | ")) for line in text.strip().splitlines())


def _concepts(text: str) -> dict[str, tuple[str, ...]]:
    return {row[0]: row for row in _rows(text)}


MATERIALS = _concepts("""
    oak | beech | pine | timber
    glass | crystal | Murano | borosilicate
    ceramic | porcelain | stoneware | earthenware
    steel | iron | brass | copper
    cotton | linen | canvas | muslin
    wool | felt | cashmere | mohair
    paper | cardboard | kraft | parchment
    leather | suede | nappa | calfskin
    plastic | acrylic | resin | vinyl
    wicker | rattan | bamboo | seagrass
    marble | slate | granite | soapstone
""")

USES = _concepts("""
    baking | cake | pastry | biscuit
    tea | coffee | breakfast | espresso
    dining | supper | dinner | banquet
    picnic | camping | barbecue | alfresco
    party | birthday | celebration | carnival
    wedding | bridal | anniversary | engagement
    bath | spa | washroom | shower
    bedtime | nursery | slumber | goodnight
    storage | tidy | organiser | stowaway
    planting | seedling | potting | herb
    school | classroom | homework | college
    desk | office | study | workplace
    travel | holiday | journey | weekend
    play | puzzle | game | adventure
""")

# A category: its name, its materials, its uses, its nouns. The order is that of the settings' seasons.
_CATEGORIES = {
    row[0]: tuple(part.split() for part in row[1:])
    for row in _rows("""
homeware | oak glass cotton wicker marble | bath bedtime storage dining party | lamp tray frame mirror vase hook
gifts | glass ceramic leather wool wicker | wedding tea bath party travel | hamper heart charm ornament purse locket
kitchen | oak glass ceramic steel marble | baking tea dining picnic storage | board jar bowl dish caddy stand
garden | oak steel ceramic wicker plastic | planting picnic party play storage | pot lantern trough bucket stool bench
toys | oak cotton wool plastic paper | play bedtime school travel party | set animal doll train kite castle
stationery | paper leather steel cotton oak | desk school travel wedding party | notebook folder album case box bookmark
""")
}
CATEGORIES = tuple(_CATEGORIES)

COLOURS = _rows(
    "ivory | sage green | navy blue | mustard yellow | blush pink | charcoal grey | burnt orange | teal | cherry red"
)[0]

# Five levels of quality, lowest first, told three times: in the title, in the description, in its last sentence.
TITLE_WORDS = _rows("""
    budget | economy | bargain | no-frills
    plain | basic | simple | unadorned
    standard | classic | regular | everyday
    fine | superior | select | well-made
    luxury | premium | exquisite | deluxe
""")
BODIES = _rows("""
    thin and cheaply put together | rough at the edges | flimsy, with small flaws | lightweight, not meant to last
    modest, with few extras | sturdy enough for the price | bare but useful | ordinary and unpolished
    solid and dependable | honest work at a fair level | neat and reliable | sound all round
    carefully finished | smooth and strong in every seam | skilfully built | durable, with attention to detail
    hand-crafted by master artisans | flawless throughout | sumptuous to the touch | superb, an heirloom in the making
""")
CLOSINGS = _rows("""
    A throwaway purchase. | Expect little of it. | Does for one season. | The lowest rung of our range.
    A humble helper. | Nothing fancy. | Acceptable, no more. | Serves where looks do not matter.
    A popular middle choice. | What most homes own. | Never lets you down. | A safe pick.
    A pleasure to use. | Above the usual run. | Noticeably better. | Admired by guests.
    The pride of the house. | Rare and magnificent. | Second to none. | Fit for a palace.
""")
LEVELS = len(TITLE_WORDS)

TITLE_TEMPLATES = (
    "{quality} {material} {use} {noun}, {colour}",
    "{use} {noun} in {material}, {quality}, {colour}",
    "{colour} {use} {noun}, {quality} {material}",
    "{quality} {use} {noun}, {material}, {colour}",
)
DESCRIPTION_TEMPLATES = (
    "This {material} {use} {noun} is {body}. {closing}",
    "Our {use} {noun} in {material}: {body}. {closing}",
    "{material} {noun} in the {use} line, {body}. {closing}",
    "{closing} Our {material} {noun} for the {use} shelf: {body}.",
)


@dataclass(frozen=True, eq=False)
class Catalogue:
    """What is sold and how it is described: P products, V listing versions (the first text and its rewritings).

    ``material`` and ``use`` index ``MATERIALS`` and ``USES``. ``quality`` is the true level in {-2..2}/√2; ``told`` is
    the level that the words tell, which differs only where a misspecified store overstates. ``launch_week`` 0 means
    before the store's first day. ``unseen_share`` is the share of telling words that earlier products never used; a
    product that is not cold has 0.
    """

    product_id: np.ndarray  # (P,) str
    category: np.ndarray  # (P,) index of CATEGORIES
    material: np.ndarray  # (P,)
    use: np.ndarray  # (P,)
    noun: np.ndarray  # (P,) index of the category's nouns
    colour: np.ndarray  # (P,)
    quality: np.ndarray  # (P, V)
    told: np.ndarray  # (P, V)
    version_start_week: np.ndarray  # (P, V) week from which a version is shown
    launch_week: np.ndarray  # (P,)
    cold: np.ndarray  # (P,) bool
    unseen_share: np.ndarray  # (P,) 0, 0.5 or 1
    products: pd.DataFrame
    listings: pd.DataFrame


def noun(category: int, index: int) -> str:
    """The thing that a product is, for instance ``noun(0, 0) == "lamp"``."""
    return _CATEGORIES[CATEGORIES[category]][2][index]


def make_catalogue(settings: Settings, rng: np.random.Generator, *, seed: int = 0) -> Catalogue:
    """Draw products, their listings and the weeks in which the listings are rewritten (lesson 02, section 2).

    Parameters
    ----------
    seed: rotates which wording of each concept is kept back for cold products.
    """
    P, V, W = settings.products, settings.versions, settings.weeks
    first_day = pd.Timestamp(settings.end) - pd.Timedelta(days=settings.days - 1)
    category = rng.permutation(np.arange(P) % len(CATEGORIES))
    material, use = (_pick(category, part, rng) for part in (0, 1))
    nouns, colour = rng.integers(0, 6, P), rng.integers(0, len(COLOURS), P)

    cold = np.zeros(P, dtype=bool)
    unseen_share, launch_week = np.zeros(P), np.zeros(P, dtype=np.int64)
    late = rng.permutation(P)[: round(settings.cold_share * P)]
    cold[late] = True
    unseen_share[late] = np.array([0.0, 0.5, 1.0])[np.arange(len(late)) % 3]
    first, last = (round(part * W) for part in settings.launch_window)
    launch_week[late] = rng.integers(first, last, len(late))

    start = np.zeros((P, V), dtype=np.int64)
    start[:, 0] = launch_week
    for i, launch in enumerate(launch_week):
        # A new product keeps its first text for some weeks: its cold start is about the words it was launched with.
        earliest = min(int(launch) + settings.first_text_weeks, W - V + 1) if cold[i] else 1
        start[i, 1:] = np.sort(rng.choice(np.arange(earliest, W), V - 1, replace=False))

    level = rng.integers(0, LEVELS, (P, V))
    # The best cannot be overstated, so the others are a little more often.
    overstated = rng.random((P, V)) < settings.overstated_share * LEVELS / (LEVELS - 1)
    told_level = np.minimum(level + overstated, LEVELS - 1)
    spread = np.sqrt(np.mean((np.arange(LEVELS) - (LEVELS - 1) / 2) ** 2))  # √2: quality has standard deviation one

    product_id = np.array([f"P{i + 1:04d}" for i in range(P)], dtype=object)
    days_before = rng.integers(7, 2 * 364, P)
    launched_on = first_day + pd.to_timedelta(np.where(cold, 7 * launch_week, -days_before), unit="D")
    valid_from = first_day + pd.to_timedelta(7 * start.ravel(), unit="D")
    listings = pd.DataFrame(
        {
            "product_id": np.repeat(product_id, V),
            "version": np.tile(np.arange(1, V + 1), P),
            "valid_from": np.where(start.ravel() == 0, np.repeat(launched_on, V), valid_from).astype("datetime64[ns]"),
        }
    )
    things = [noun(int(c), int(n)) for c, n in zip(category, nouns, strict=True)]
    texts = [
        _text(material[i], use[i], things[i], COLOURS[colour[i]], told_level[i, v], unseen_share[i], seed, rng)
        for i in range(P)
        for v in range(V)
    ]
    listings["title"], listings["description"] = [text[0] for text in texts], [text[1] for text in texts]
    products = pd.DataFrame(
        {
            "product_id": product_id,
            "title": listings["title"].to_numpy()[::V],
            "description": listings["description"].to_numpy()[::V],
            "category": np.array(CATEGORIES, dtype=object)[category],
            "launched_on": launched_on.to_numpy().astype("datetime64[ns]"),
        }
    )
    return Catalogue(
        product_id=product_id,
        category=category,
        material=material,
        use=use,
        noun=nouns,
        colour=colour,
        quality=_centred(level) / spread,
        told=_centred(told_level) / spread,
        version_start_week=start,
        launch_week=launch_week,
        cold=cold,
        unseen_share=unseen_share,
        products=products,
        listings=listings,
    )


def kept_back(concept: int, seed: int) -> int:
    """Which of a concept's four wordings only cold products use; neighbours differ, and so do neighbouring seeds."""
    return (concept + seed) % WORDINGS


def _centred(level: np.ndarray) -> np.ndarray:
    return level - (LEVELS - 1) / 2


def _pick(category: np.ndarray, part: int, rng: np.random.Generator) -> np.ndarray:
    """For each product one of its category's materials (part 0) or uses (part 1)."""
    names = list((MATERIALS, USES)[part])
    choices = np.array([[names.index(name) for name in row[part]] for row in _CATEGORIES.values()])
    return choices[category, rng.integers(0, choices.shape[1], len(category))]


def _text(
    material: int,
    use: int,
    thing: str,
    colour: str,
    level: int,
    unseen_share: float,
    seed: int,
    rng: np.random.Generator,
) -> tuple[str, str]:
    """A title and a description. Of the seven telling words the unseen share, rounded at random, is kept-back words."""
    concepts = ((list(MATERIALS.values())[material], material), (list(USES.values())[use], use))
    slots = [*concepts, *concepts, *((words[level], level + shift) for shift, words in enumerate(_QUALITY_WORDS))]
    unseen = np.zeros(len(slots), dtype=bool)
    count = int(unseen_share * len(slots) + rng.random())  # 0, 3 or 4, 7
    unseen[rng.permutation(len(slots))[:count]] = True
    words = []
    for (wordings, concept), new in zip(slots, unseen, strict=True):
        held = kept_back(concept, seed)
        words.append(wordings[held if new else (held + 1 + int(rng.integers(0, WORDINGS - 1))) % WORDINGS])
    title_material, title_use, material_word, use_word, quality, body, closing = words
    title = TITLE_TEMPLATES[rng.integers(0, 4)].format(
        quality=quality, material=title_material, use=title_use, noun=thing, colour=colour
    )
    description = DESCRIPTION_TEMPLATES[rng.integers(0, 4)].format(
        material=material_word, use=use_word, noun=thing, body=body, closing=closing
    )
    return title[0].upper() + title[1:], description[0].upper() + description[1:]


_QUALITY_WORDS = (TITLE_WORDS, BODIES, CLOSINGS)
