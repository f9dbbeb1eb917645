"""The partial likelihood of proportional hazards, for times of which some are censored."""

from __future__ import annotations

from typing import Any, Literal, get_args

from keras_multiloss._checks import check_choice
from keras_multiloss._platform import ops
from keras_multiloss._saving import serializable
from keras_multiloss.losses._input_checks import check_one_output, one_number_a_sample
from keras_multiloss.losses._joint_loss import JointLoss, Reduction
from keras_multiloss.losses._survival import check_times_and_events

Ties = Literal["efron", "breslow"]


@serializable
class CoxPartialLikelihood(JointLoss):
    r"""Negative log partial likelihood of Cox's proportional hazards, one share per sample.

    With the log hazard ratio $\eta_i$ that the model predicts, the time $t_i$, and
    $\delta_i = 1$ if the event was seen then, 0 if the sample was censored:

    $$\ell_i = \delta_i \left(\log \sum_{j:\,t_j \ge t_i} e^{\eta_j} - \eta_i\right)$$

    for `ties="breslow"`. Where $d$ events share a time, `ties="efron"` takes them out of the
    risk set part by part, and each event bears the same share:

    $$\ell_i = \delta_i \left(\frac1d \sum_{k=0}^{d-1} \log\Big(\sum_{j:\,t_j \ge t_i}
    e^{\eta_j} - \frac{k}{d} \sum_{j:\,t_j = t_i,\,\delta_j = 1} e^{\eta_j}\Big)
    - \eta_i\right)$$

    The two agree where no events share a time. The risk sets are those within the batch
    (under `tf.distribute`, a replica's part of it), so batches should be large. Memory
    grows with the square of the batch size.

    The sum of the values is the negative log partial likelihood; the default reduction
    divides it by the number of samples, `reduction="sum"` leaves it as it is. To divide it by the
    number of events, give the events as sample weights as well and take
    `reduction="mean_with_sample_weight"`. Sample weights multiply the values; they do not
    weigh the samples within the risk sets.

    Args:
        ties: how events at the same time are treated, `"efron"` or `"breslow"`. Efron's
            approximation is the closer one where ties are many, and the default of R's
            `coxph`; for Breslow's all of them are at risk until the last has happened.
        reduction: as for `JointLoss`.
        name: name of the loss.

    Shape:
        - y_true: a pair `(time, event)`, both `(batch,)` or `(batch, 1)`; events are 1 or
          `True`, censored samples 0 or `False`. Under a `mask`, a sample without a time
          counts as censored at time 0, in no risk set of a later event, and one without an
          event stays at risk until its time; give positive times where labels are missing.
        - y_pred: `(batch,)` or `(batch, 1)`, of any real numbers: no activation, and no
          bias is needed, as a constant added to all of them changes nothing.
        - result: `(batch,)`. Samples that were censored have 0, so that a batch without
          events gives 0.

    Raises:
        ValueError: if `ties` is unknown, or there are not one output and two labels of one
            number per sample.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> time, event = np.array([1.0, 2.0, 3.0]), np.array([1, 0, 1])
        >>> log_hazard_ratio = np.zeros((3, 1))
        >>> loss = kml.losses.CoxPartialLikelihood(reduction="sum")
        >>> round(float(np.exp(loss((time, event), log_hazard_ratio))), 3)  # 3 at risk, then 1
        3.0

    References:
        Cox, "Regression models and life-tables", Journal of the Royal Statistical Society B,
        1972.
        Breslow, "Covariance analysis of censored survival data", Biometrics, 1974.
        Efron, "The efficiency of Cox's likelihood function for censored data", Journal of
        the American Statistical Association, 1977.
        Katzman et al., "DeepSurv: personalized treatment recommender system using a Cox
        proportional hazards deep neural network", BMC Medical Research Methodology, 2018.
        Kvamme, Borgan and Scheel, "Time-to-event prediction with neural networks and Cox
        regression", JMLR, 2019 (risk sets within batches).
    """

    def __init__(
        self,
        *,
        ties: Ties = "efron",
        reduction: Reduction = "sum_over_batch_size",
        name: str = "cox_partial_likelihood",
    ) -> None:
        super().__init__(reduction=reduction, name=name)
        check_choice("CoxPartialLikelihood", "ties", ties, get_args(Ties))
        self.ties = ties

    def call(self, y_true: Any, y_pred: Any) -> Any:
        where = type(self).__name__
        log_hazard = one_number_a_sample(where, "the output", check_one_output(where, y_pred))
        time, event = check_times_and_events(where, y_true, log_hazard)
        # Row i of each matrix is about the moment of sample i.
        at_risk = time[None, :] >= time[:, None]
        if self.ties == "breslow":
            return event * (_log_sum_exp(log_hazard[None, :], at_risk) - log_hazard)
        same_time = ops.cast(ops.equal(time[None, :], time[:, None]), "float32")
        tied = same_time * event[None, :]
        n_tied = ops.maximum(ops.sum(tied, axis=1), 1.0)
        # Where an event is k-th among those of its time, a share k / d of each is gone. A share
        # left, 1 / d at least, loses no digits, as the difference of the two sums would.
        log_left = ops.log1p(-tied * (_n_earlier_in_row(tied) / n_tied)[:, None])
        log_risks = _log_sum_exp(log_hazard[None, :] + log_left, at_risk)
        mean_log_risk = ops.sum(tied * log_risks[None, :], axis=1) / n_tied
        return event * (mean_log_risk - log_hazard)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "ties": self.ties}


def _log_sum_exp(rows: Any, is_counted: Any) -> Any:
    """The log-sum-exp of the entries of each row that count; every row has one."""
    rows = ops.where(is_counted, rows, -float("inf"))
    # An empty batch has no entry whose maximum could be taken.
    return ops.logsumexp(ops.pad(rows, [[0, 0], [0, 1]], constant_values=-float("inf")), axis=1)


def _n_earlier_in_row(tied: Any) -> Any:
    """For each sample, the number of its ties that stand before it in the batch."""
    places = ops.arange(ops.shape(tied)[0])
    is_earlier = places[None, :] < places[:, None]
    return ops.sum(tied * ops.cast(is_earlier, "float32"), axis=1)
