"""Accuracy, uncertainty and cost of forecasts (lesson 00, section 3; lesson 01, section 5)."""

from ecomlib.evaluation.comparison import Interval as Interval
from ecomlib.evaluation.comparison import Verdict as Verdict
from ecomlib.evaluation.comparison import compare as compare
from ecomlib.evaluation.comparison import is_slight as is_slight
from ecomlib.evaluation.comparison import score_intervals as score_intervals
from ecomlib.evaluation.comparison import skill as skill
from ecomlib.evaluation.comparison import skill_interval as skill_interval
from ecomlib.evaluation.comparison import two_way_bootstrap as two_way_bootstrap
from ecomlib.evaluation.comparison import verdict_word as verdict_word
from ecomlib.evaluation.floors import attainable as attainable
from ecomlib.evaluation.metrics import POINT_METRICS as POINT_METRICS
from ecomlib.evaluation.metrics import bias as bias
from ecomlib.evaluation.metrics import coverage as coverage
from ecomlib.evaluation.metrics import mae as mae
from ecomlib.evaluation.metrics import mase as mase
from ecomlib.evaluation.metrics import mse as mse
from ecomlib.evaluation.metrics import parts as parts
from ecomlib.evaluation.metrics import poisson_deviance as poisson_deviance
from ecomlib.evaluation.metrics import quantile_loss as quantile_loss
from ecomlib.evaluation.metrics import rmse as rmse
from ecomlib.evaluation.metrics import rmsse as rmsse
from ecomlib.evaluation.metrics import score as score
from ecomlib.evaluation.metrics import wape as wape
