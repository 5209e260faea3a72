"""From a head's raw score to something that can be compared between experts, and to a probability.

An expert's own word for how sure it is would be worth as much as its publisher. So a score is measured in standard
deviations above what the *court* gets, background prompts that no head was trained on, and one calibration turns the
distance from the threshold into a probability for all experts alike. (On five held-out domains this chose the right
expert at least as often as a Platt scale of each expert's own.)

The threshold is conformal: set on prompts of the expert that its head has not seen, so that a prompt of the same kind
is turned away at most at the stated rate. It is then held between two bounds: at most one court prompt in forty may
pass, and nothing is asked beyond 3.5 deviations, or an expert trained on narrow prompts would know only those.
"""

from dataclasses import dataclass

import numpy as np

from runtime.router.features import Floats

COURT_MAY_PASS = 0.025
FURTHEST = 3.5
# Fitted to five domains with heads of their own (public router data, balanced classes): 1.80 a deviation.
STEEPNESS = 1.8
# No honest head varies less over the court than this share of its length; one that does was made to look calm there.
_LEAST_SPREAD = 0.005


@dataclass(frozen=True)
class Scale:
    """What the court gets from one head."""

    mean: float
    spread: float

    def apply(self, raw: Floats) -> Floats:
        """Deviations above the court."""
        return (raw - np.float32(self.mean)) / np.float32(self.spread)


@dataclass(frozen=True)
class Threshold:
    """Where an expert begins to answer, and what that costs: `rate` of its own prompts are turned away, shown on `held_out`."""

    value: float
    rate: float
    held_out: int


def scale(court: Floats, weight: Floats) -> Scale:
    """The scale of a head, from what the court's prompts get from it."""
    spread = max(float(court.std()), _LEAST_SPREAD * float(np.linalg.norm(weight)))
    return Scale(float(court.mean()), spread or 1.0)


def court_bound(court_scores: Floats) -> float:
    """The lowest threshold that lets no more of the court pass than may."""
    allowed = int(COURT_MAY_PASS * len(court_scores))
    highest = np.sort(court_scores)[-allowed - 1]
    return float(np.nextafter(highest, np.float32(np.inf)))


def conformal(own_scores: Floats, rate: float) -> tuple[float, float]:
    """The largest threshold that turns at most `rate` of such prompts away, and the rate that it guarantees.

    With n exchangeable prompts held out, a new one scores below the k-th smallest with probability k / (n + 1) at most.
    Too few prompts cannot show a small rate: then the smallest score is taken and its larger rate is stated.
    """
    rank = max(1, int(rate * (len(own_scores) + 1)))
    ordered = np.sort(own_scores)
    return float(ordered[rank - 1]), rank / (len(own_scores) + 1)


def threshold(own_scores: Floats, court_scores: Floats, rate: float) -> Threshold:
    """The threshold between its bounds, with the rate that holds for it."""
    wanted, guaranteed = conformal(own_scores, rate)
    value = max(min(wanted, FURTHEST), court_bound(court_scores))
    if value > wanted:
        below = int((own_scores < value).sum())
        guaranteed = min(1.0, (below + 1) / (len(own_scores) + 1))
    return Threshold(value, guaranteed, len(own_scores))


def probability(margin: Floats) -> Floats:
    """How sure the router is, from the distance to the threshold; at the threshold it is one half."""
    chance: Floats = (1 / (1 + np.exp(-np.clip(STEEPNESS * margin, -50, 50)))).astype(np.float32)
    return chance


def margin_for(chance: float) -> float:
    """The margin at which the probability is `chance`: what a stricter router asks for beyond the thresholds."""
    return float(np.log(chance / (1 - chance)) / STEEPNESS)
