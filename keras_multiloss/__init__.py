r"""Losses of models with several outputs, described once and by name.

The total loss is a sum of terms, each a loss over named outputs and labels with a weight:

$$L = \sum_t w_t \, \ell_t(\text{labels}, \text{outputs})$$

It is written once and hosted either by a model, which trains on ordinary `(x, y)` data
(`MultiLossModel`), or by a layer inside the graph (`WeightedSumLossLayer`). Both save and
reload with no `custom_objects`, and `strip_losses` gives the plain model to serve.

    import keras_multiloss as kml

    loss = kml.LossTerm("mse", "age") + 0.5 * kml.LossTerm("binary_crossentropy", "sex")
    model = kml.MultiLossModel.from_model(model)
    model.compile("adam", loss=loss)
    model.fit(x, {"age": age, "sex": sex})
"""

from typing import TYPE_CHECKING

from keras_multiloss._late_imports import late_names

if TYPE_CHECKING:
    from keras_multiloss import aggregation, callbacks, data, layers, losses, models, weighting
    from keras_multiloss.layers import GradientBalancer, WeightedSumLossLayer
    from keras_multiloss.losses import JointLoss, WeightedSumLoss
    from keras_multiloss.models import MultiLossModel, attach_losses, report, strip_losses
    from keras_multiloss.spec import LossTerm, MetricTerm, from_input, from_output

__all__ = [
    "GradientBalancer",
    "JointLoss",
    "LossTerm",
    "MetricTerm",
    "MultiLossModel",
    "WeightedSumLoss",
    "WeightedSumLossLayer",
    "aggregation",
    "attach_losses",
    "callbacks",
    "data",
    "from_input",
    "from_output",
    "layers",
    "losses",
    "models",
    "report",
    "strip_losses",
    "weighting",
]

__version__ = "0.1.0.dev0"

if not TYPE_CHECKING:
    __getattr__, __dir__ = late_names(__name__, __all__)
