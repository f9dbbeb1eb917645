"""The losses of survival data written slowly in NumPy, in float64 and sample by sample."""

import numpy as np

from tests.losses.references import sigmoid


def cox(label, log_hazard, ties):
    """Each event's share; those at one time share what they come to in whatever order."""
    time, event = (np.ravel(x) for x in label)
    hazard = np.exp(np.ravel(log_hazard))
    values = np.zeros(len(time))
    for i in np.flatnonzero(event):
        at_risk = hazard[time >= time[i]].sum()
        tied = hazard[(time == time[i]) & (event == 1)]
        gone = np.arange(len(tied)) / len(tied) if ties == "efron" else np.zeros(1)
        values[i] = np.mean(np.log(at_risk - gone * tied.sum())) - np.log(hazard[i])
    return values


def discrete_time(label, logits, breaks):
    """A walk through the intervals, with the survived and failed flags of nnet-survival."""
    values = np.zeros(len(logits))
    for i, (time, event) in enumerate(zip(*map(np.ravel, label), strict=True)):
        for k, hazard in enumerate(sigmoid(logits[i])):
            start, end = breaks[k], breaks[k + 1]
            if event and time < end:
                values[i] -= np.log(hazard)
                break
            if event or time >= start + 0.5 * (end - start):
                values[i] -= np.log(1 - hazard)
    return values
