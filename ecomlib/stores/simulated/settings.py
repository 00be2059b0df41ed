"""Every constant of the simulated store, each with its reason (lesson 00, section 1).

A constant here changes only in a commit of its own that shows every affected number before and after.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from ecomlib.errors import DataError

Size = Literal["tiny", "small", "full"]


@dataclass(frozen=True)
class Settings:
    """Settings of one simulated store. Log points unless a unit is named; rates are per day unless said."""

    # --- size: what fits a test, a lesson, a GPU ------------------------------------------------------------------
    products: int = 600  # enough for folds by product and for a tail of slow movers
    rows: int = 4  # rows of the map, north to south
    columns: int = 4  # columns of the map, west to east: the wind blows along them
    weeks: int = 104  # two years: each season is seen once before it is tested
    end: str = "2025-06-29"  # a Sunday, so that weeks are whole; midyear keeps the Christmas peak out of the last weeks

    # --- level of demand ------------------------------------------------------------------------------------------
    units_per_week: float = 0.235  # of a product in a mean region at interest zero: about 0.4 M lines at small
    overdispersion: float = 8.0  # shape of the daily Gamma(8, 1/8): some days are busier for no known reason
    alpha_category_sd: float = 0.4  # appeal of the category: alone it ranks cold products at about 0.4
    alpha_material_sd: float = 0.35  # appeal of the material: something that the title tells
    alpha_use_sd: float = 0.35  # appeal of the use: something that the title tells
    alpha_sd: float = 0.2  # a product's own appeal that no words tell
    quality_effect: float = 0.5  # effect of a listing's quality (standard deviation 1) on log demand
    promotion_effect: float = 0.25  # being seen on the offers page, whatever the price
    momentum_persistence: float = 0.9  # weekly AR(1) of fashion: lasts about ten weeks
    momentum_sd: float = 0.08  # its weekly innovation
    affinity_sd: float = 0.2  # standing taste of a region for a category (phi)
    population_sd: float = 0.4  # log spread of the regions' populations: cities and counties
    mean_population: int = 250_000  # people in a mean region, for the regions table only
    day_of_week: tuple[float, ...] = (1.02, 0.95, 0.93, 0.97, 1.08, 1.13, 0.92)  # Monday to Sunday, mean one

    # --- season by category (in the order of words.CATEGORIES; recycled where there are more) -----------------------
    christmas: tuple[float, ...] = (0.35, 0.65, 0.30, -0.20, 0.60, 0.25)  # height of the peak before Christmas
    summer: tuple[float, ...] = (-0.05, 0.0, 0.05, 0.40, -0.10, 0.10)  # half the distance from January to July
    christmas_centre: float = 343.0  # day of the year of the peak: the second week of December
    christmas_rise: float = 22.0  # its standard deviation before the peak, in days
    christmas_fall: float = 7.0  # and after it: the shop is empty in January

    # --- price ----------------------------------------------------------------------------------------------------
    elasticities: tuple[float, ...] = (-1.0, -1.4, -1.8, -2.2, -2.6, -3.0)  # by category: weak to strong
    cost_median: float = 4.0  # money; gifts and homeware of a few coins
    cost_sd: float = 0.6  # log spread of unit costs
    markup: float = 0.55  # mean of log price over log cost: what interest is centred on
    price_quality: float = 0.12  # better words cost more: the confounding that text can undo
    price_product_sd: float = 0.12  # a product's standing mark-up
    price_version_sd: float = 0.22  # a new listing comes with a new price: fixed effects do not help
    price_season: float = 0.25  # dearer in season: the confounding that the calendar can undo
    price_test_share: float = 0.10  # product-weeks in a randomised price test
    price_test_sd: float = 0.08  # its spread

    # --- promotion ------------------------------------------------------------------------------------------------
    promo_experiment_share: float = 0.15  # product-weeks in which a coin decides
    promo_experiment_probability: float = 0.25  # that coin
    promo_intercept: float = -2.2  # elsewhere about one week in ten
    promo_momentum: float = -8.0  # slow movers are promoted: last week's momentum, so targeted promotions look weak
    depths: tuple[float, ...] = (0.0, 0.1, 0.2, 0.3)  # depth zero: shown on the offers page at its price

    # --- the travelling shock (daily, by region) --------------------------------------------------------------------
    shock_sd: float = 0.35  # stationary standard deviation, mean over regions
    shock_west: float = 0.93  # the west column's own persistence
    shock_self: float = 0.51  # elsewhere: from itself
    shock_from_west: float = 0.42  # elsewhere: from the western neighbour, so a column is crossed in about two days
    shock_from_sides: float = 0.05  # elsewhere: from each northern and southern neighbour
    shock_inner_variance: float = 0.04  # innovation variance elsewhere, where the west column has 1

    # --- roll-out of free delivery ----------------------------------------------------------------------------------
    rollout_effect: float = 0.15  # on log demand, from a region's start week on
    rollout_window: tuple[float, float] = (0.35, 0.85)  # start weeks are randomised within this part of the time

    # --- stock ----------------------------------------------------------------------------------------------------
    smoothing: float = 0.2  # exponential smoothing of weekly sales: a buyer's plain rule
    cover: float = 2.0  # order up to this many weeks of smoothed sales: a week to the review, a week's lead time
    service: float = 1.5  # buffer in roots of expected units over the cover: about 5 % of units lost
    buffer: float = 1.0  # and in units, for products that hardly sell

    # --- the wholesale-sized order of the cast ------------------------------------------------------------------------
    wholesale_units: int = 144  # twelve dozen: beyond anything a household buys
    wholesale_week: float = 0.7  # when, as a part of the time

    # --- misspecified=True ------------------------------------------------------------------------------------------
    tail_shape: float = 0.0  # above zero: daily noise is inverse gamma (mean one) of this shape instead of Gamma
    wind_turns: bool = False  # halfway the shock starts to travel from east to west
    elasticity_quality: float = 0.0  # elasticity changes by this much for one unit of quality
    overstated_share: float = 0.0  # listings whose words tell one level more than the truth

    # --- substitution=True ------------------------------------------------------------------------------------------
    substitution: float = (
        0.0  # on log demand, for one log point of the mean price of the other products of the category
    )

    # --- words and people (words.py, people.py, orders.py, visits.py) -----------------------------------------------
    versions: int = 4  # the first text and three rewritings
    cold_share: float = 0.12  # products launched late: enough to rank, few enough to stay an exception
    launch_window: tuple[float, float] = (0.45, 0.8)  # part of the time in which they are launched: some is left
    first_text_weeks: int = 8  # a launched product keeps its first text for so long: what a cold start is scored on
    customers_per_region: float = 280.0  # living customers in a mean region at 600 products
    guest_share: float = 0.25  # of units, on average: buyers without an account
    segments: int = 4  # groups of customers with tastes of their own
    taste_sd: float = 0.5  # log spread of tastes over segments and categories
    activity_shape: float = 1.5  # Gamma(1.5, 1/1.5): many buy rarely, few buy often
    leaving_intercept: float = -4.2  # logit of the weekly hazard: about 1.5 % a week
    leaving_segment: float = 0.5  # added for the restless segments
    mailing_effects: tuple[float, ...] = (0.5, 0.0, -0.3)  # on the log rate for a week: glad, indifferent, driven away
    # Whom a letter moves depends on the segment, which tastes tell: a row for each, dealt to the segments by the seed.
    mailing_shares: tuple[tuple[float, ...], ...] = (  # in the mean (0.4, 0.4, 0.2): harmful for one in five
        (0.9, 0.1, 0.0),
        (0.6, 0.35, 0.05),
        (0.1, 0.7, 0.2),
        (0.0, 0.45, 0.55),
    )
    mailing_weeks: int = 8  # one mailing in so many weeks: the 28 days after one hold no other
    mailing_days: int = 7  # how long a mailing works
    mailing_leaving: tuple[float, ...] = (-0.3, 0.0, 1.0)  # on the logit of that week's hazard: some it drives away
    mailing_propensity: tuple[float, float] = (0.1, 0.9)  # known, never certain: positivity
    basket_units: float = 2.5  # mean units a basket
    taste_dimensions: int = 8  # in which items differ for people
    taste_strength: float = 1.0  # s: log spread of a customer's liking of an item
    item_told: float = 0.6  # an item's place: so much from its material, so much from its use, the rest its own
    repeat_days: tuple[int, int] = (28, 56)  # bought less than four weeks ago; four to eight weeks ago
    repeat_before: float = 0.367879  # e⁻¹: one has just bought it
    repeat_due: float = 7.38906  # e²: it is used up
    visit_types: tuple[str, ...] = ("passing by", "browsing", "comparing", "gift hunt", "buying")  # what one came for
    visit_shares: tuple[float, ...] = (0.35, 0.27, 0.20, 0.10, 0.08)  # of visits: most buy nothing
    visit_conversion: tuple[float, ...] = (0.01, 0.05, 0.12, 0.30, 0.55)  # of visits of a type: 11.5 % in all
    visit_pages: tuple[float, ...] = (2.0, 7.0, 13.0, 10.0, 6.0)  # mean pages: the longest visits are not the best
    visit_minutes: tuple[float, ...] = (0.6, 1.0, 1.5, 1.1, 0.8)  # mean minutes a page: comparing takes time
    visit_searches: tuple[float, ...] = (0.1, 0.6, 1.2, 1.8, 0.9)  # mean searches: a gift is looked for
    logged_share: float = 0.2  # of sessions: a log of everything would be the largest table
    return_intercept: float = -2.3  # logit: about 9 % of lines come back
    return_quality: float = -0.5  # what is praised honestly stays
    return_depth: float = 0.8  # bargains come back: depth above 0.2
    review_share: float = 0.05  # of lines
    review_mean: float = 3.8  # stars
    review_quality: float = 0.7  # stars for one unit of quality
    review_sd: float = 0.9  # stars
    review_extreme: float = 2.0  # extreme raters write twice as often

    @property
    def regions(self) -> int:
        """Number of regions on the map."""
        return self.rows * self.columns

    @property
    def days(self) -> int:
        """Number of days, always whole weeks."""
        return 7 * self.weeks

    @property
    def living_per_region(self) -> float:
        """Living customers in a mean region: grows with the catalogue, so that a customer buys as often at any size."""
        return self.customers_per_region * self.products / 600

    @property
    def kappa(self) -> float:
        """Daily units for one unit of potential at interest zero (κ of the demand equation)."""
        return self.units_per_week / 7 / (self.living_per_region / (1 - self.guest_share))


SIZES: dict[str, dict[str, Any]] = {
    "tiny": {"products": 60, "rows": 3, "columns": 3, "weeks": 26},
    "small": {"products": 600, "rows": 4, "columns": 4, "weeks": 104},
    "full": {"products": 1000, "rows": 8, "columns": 8, "weeks": 156},
}


def settings_for(size: str = "small", *, misspecified: bool = False, substitution: bool = False) -> Settings:
    """The settings of a named size; ``misspecified`` breaks four assumptions that the course's models make.

    With ``substitution`` a product gains what others of its category lose by their prices: a third of the mean
    elasticity, so that a rise of all prices costs two thirds of what a rise of each alone would let one fear.

    Raises
    ------
    DataError: the size is not one of tiny, small, full.
    """
    if size not in SIZES:
        raise DataError("there is no such size", value=size, remedy=f"choose one of {', '.join(get_args(Size))}.")
    settings = Settings(**SIZES[size])
    if misspecified:
        settings = replace(settings, tail_shape=2.5, wind_turns=True, elasticity_quality=0.3, overstated_share=0.1)
    if substitution:
        settings = replace(settings, substitution=0.67)
    return settings
