"""Cases of the losses of times and events."""

import numpy as np

from keras_multiloss.losses._cox import CoxPartialLikelihood
from keras_multiloss.losses._discrete_time import DiscreteTimeSurvivalLoss
from tests.losses import references_of_survival as references
from tests.losses.case import Case, chances, logits

#: Two events share a time with a censored sample; one sample outlives them.
TIES = (np.array([2.0, 5.0, 2.0, 2.0]), np.array([1.0, 1.0, 1.0, 0.0]))
FAR_HAZARDS = (np.array([[1e4], [-1e4], [-1e4], [1e4]]),)
BREAKS = [0.0, 1.0, 3.0, 4.0, 8.0]
#: An event inside, one at a break, one after all; a sample censored past a middle.
FATES = (np.array([[0.5], [3.0], [9.0], [2.5]]), np.array([[1.0], [1.0], [1.0], [0.0]]))
FAR_LOGITS = (1e4 * np.eye(4) - 1e4 * np.eye(4)[[1, 0, 3, 2]],)

CASES = [
    Case(
        "cox_by_efron",
        CoxPartialLikelihood(),
        lambda label, output: references.cox(label, output, "efron"),
        (logits(4, 1),),
        FAR_HAZARDS,
        TIES,
        is_coupled=True,
    ),
    Case(
        "cox_by_breslow",
        CoxPartialLikelihood(ties="breslow"),
        lambda label, output: references.cox(label, output, "breslow"),
        (logits(4, 1),),
        FAR_HAZARDS,
        TIES,
        is_coupled=True,
    ),
    Case(
        "discrete_time_of_logits",
        DiscreteTimeSurvivalLoss(BREAKS, from_logits=True),
        lambda label, output: references.discrete_time(label, output, BREAKS),
        (logits(4, 4),),
        FAR_LOGITS,
        FATES,
    ),
    Case(
        "discrete_time_of_hazards",
        DiscreteTimeSurvivalLoss(BREAKS),
        lambda label, output: references.discrete_time(
            label, np.log(output) - np.log1p(-output), BREAKS
        ),
        (chances(4, 4),),
        (np.eye(4),),
        FATES,
    ),
]
