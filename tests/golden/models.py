"""The models whose files are kept for ever: small, trained a little, one of each kind.

Only public names are used, so that later versions make files of the same models.
"""

import numpy as np

import keras_multiloss as kml
from keras_multiloss._platform import KERAS_3, keras

AGGREGATORS = {
    "grad_vac": lambda: kml.aggregation.GradVac(seed=3),
    "grad_norm": lambda: kml.aggregation.GradNorm(alpha=0.5),
    "moco": kml.aggregation.MoCo,
    "excess_mtl": kml.aggregation.ExcessMTL,
    "db_mtl": lambda: kml.aggregation.DBMTL(beta=0.5),
    "pcd": kml.aggregation.PCD,
    "cr_mogm": lambda: kml.aggregation.CRMOGM("mgda", beta=0.5),
    "upgrad": lambda: kml.aggregation.UPGrad([2.0, 1.0]),
    "mgda": kml.aggregation.MGDA,
    "pcgrad": lambda: kml.aggregation.PCGrad(seed=3),
    "cagrad": lambda: kml.aggregation.CAGrad(c=0.4),
    "grad_drop": lambda: kml.aggregation.GradDrop(seed=3),
}

WEIGHTINGS = {
    "static": kml.weighting.StaticWeighting,
    "scheduled": lambda: kml.weighting.ScheduledWeighting({"sex": ramp()}),
    "uncertainty": lambda: kml.weighting.UncertaintyWeighting(classification=["sex"]),
    "dynamic_weight_average": lambda: kml.weighting.DynamicWeightAverage(temperature=1.0),
    "random_loss": lambda: kml.weighting.RandomLossWeighting("dirichlet", seed=3),
    "geometric_mean": kml.weighting.GeometricMeanWeighting,
    "impartial_loss": kml.weighting.ImpartialLossWeighting,
    "smooth_tchebycheff": lambda: kml.weighting.SmoothTchebycheffWeighting(
        mu=0.5, preferences={"sex": 2.0}
    ),
    "famo": kml.weighting.FamoWeighting,
    "soft_adapt": lambda: kml.weighting.SoftAdaptWeighting(normalized=True),
    "relobralo": lambda: kml.weighting.RelobraloWeighting(alpha=0.9, keep_probability=0.5, seed=3),
    "log_transform": lambda: kml.weighting.LogTransform("uncertainty"),
}


@keras.saving.register_keras_serializable(package="golden")
class Disagreement(kml.JointLoss):
    """A joint loss of one's own, with an argument."""

    def __init__(self, power=2.0, **kwargs):
        super().__init__(**kwargs)
        self.power = power

    def call(self, y_true, y_pred):
        age, sex = y_pred
        return abs(age - y_true * sex) ** self.power

    def get_config(self):
        return {**super().get_config(), "power": self.power}


def ramp():
    return keras.optimizers.schedules.PolynomialDecay(0.2, 9, 1.0)


def network(hidden=lambda x: {"age": x, "sex": x}):
    """Outputs `age` (linear) and `sex` (a probability) over a shared layer."""
    x = keras.Input((3,), name="x")
    shared = hidden(keras.layers.Dense(4, activation="tanh", name="hidden")(x))
    age = keras.layers.Dense(1, name="age")(shared["age"])
    sex = keras.layers.Dense(1, activation="sigmoid", name="sex")(shared["sex"])
    return keras.Model(x, {"age": age, "sex": sex})


def batch(n=8):
    """Inputs and labels without chance, so that no version of NumPy draws others."""
    grid = np.arange(3 * n, dtype="float32").reshape(n, 3)
    age = np.cos(grid[:, :1]) + 0.5
    sex = (np.sin(3 * grid[:, 1:2]) > 0).astype("float32")
    return np.sin(grid), {"age": age, "sex": sex}


def terms():
    """Losses with arguments, of which Keras leaves out some in its own files."""
    loss = 0.5 * kml.LossTerm(keras.losses.Huber(delta=0.3), "age", mask="nan")
    loss += kml.LossTerm(
        keras.losses.BinaryCrossentropy(label_smoothing=0.1), "sex", class_weight={1: 2.0}
    )
    loss += kml.LossTerm(keras.losses.CosineSimilarity(axis=0), "age", name="cosine")
    loss += kml.LossTerm("mae", "age", weight=ramp(), name="moving")
    return loss + kml.LossTerm("mse", "age", "other", required=False, name="optional")


def two_terms(weighting=None):
    loss = kml.LossTerm("mse", "age", weight=0.5) + kml.LossTerm("binary_crossentropy", "sex")
    return kml.WeightedSumLoss(loss, weighting=weighting)


def joint_terms():
    disagreement = kml.LossTerm(Disagreement(power=3.0), ["age", "sex"], "age", name="joint")
    return kml.LossTerm("mse", "age") + disagreement


def optimizer():
    return keras.optimizers.SGD(0.05, momentum=0.9)


def in_model(loss, **options):
    model = kml.MultiLossModel.from_model(network())
    model.compile(optimizer(), loss=loss, **options)
    return model, batch()


def in_layer(loss):
    model = kml.attach_losses(network(), loss)
    model.compile(optimizer())
    x, y = batch()
    labels = {key: y.get(key, y["age"]) for key in model.layers[-1].loss.label_keys}
    return model, ({"x": x, **{f"{name}_label": label for name, label in labels.items()}},)


def in_plain_model(loss, hidden=None):
    model = network() if hidden is None else network(hidden)
    model.compile(optimizer(), loss=loss)
    return model, batch()


def masked_losses():
    masked = kml.losses.MaskedLoss(keras.losses.Huber(delta=0.3), -1.0)
    return {"age": masked, "sex": kml.losses.MaskedLoss("binary_crossentropy", 0.0)}


def per_output():
    return kml.losses.PerOutputLoss({"age": "mse", "sex": "mae"}, weights={"age": 0.25})


def missing_terms():
    return kml.LossTerm("mse", "age", mask=-1.0) + kml.LossTerm(
        kml.losses.MaskedLoss("binary_crossentropy", 0.0), "sex"
    )


#: By the name of the file, functions that give a compiled model and data that it takes.
MODELS = {
    "model_terms.keras": lambda: in_model(terms()),
    "model_own_joint_loss.keras": lambda: in_model(joint_terms()),
    "model_masked_loss.keras": lambda: in_model(missing_terms()),
    "model_per_output_loss.keras": lambda: in_model(per_output()),
    **{
        f"weighting_{name}.keras": lambda rule=rule: in_model(two_terms(rule()))
        for name, rule in WEIGHTINGS.items()
    },
    **{
        f"aggregator_{name}.keras": lambda rule=rule: in_model(two_terms(), aggregator=rule())
        for name, rule in AGGREGATORS.items()
    },
    "aggregator_and_weighting.keras": lambda: in_model(
        two_terms("uncertainty"), aggregator=kml.aggregation.GradNorm()
    ),
    "layer_terms.keras": lambda: in_layer(terms()),
    "layer_weighting_famo.keras": lambda: in_layer(two_terms("famo")),
    "layer_weighting_uncertainty.keras": lambda: in_layer(two_terms("uncertainty")),
    "layer_own_joint_loss.keras": lambda: in_layer(joint_terms()),
    "layer_per_output_loss.keras": lambda: in_layer(per_output()),
    "layer_terms.h5": lambda: in_layer(terms()),
    "layer_weighting_dynamic_weight_average.h5": lambda: in_layer(
        two_terms("dynamic_weight_average")
    ),
    "layer_weighting_uncertainty.h5": lambda: in_layer(two_terms("uncertainty")),
    "plain_masked_loss.keras": lambda: in_plain_model(masked_losses()),
    "plain_gradient_balancer.keras": lambda: in_plain_model(
        {"age": "mse", "sex": "mae"},
        kml.GradientBalancer(["age", "sex"], kml.aggregation.UPGrad([2.0, 1.0])),
    ),
    **(
        {"plain_per_output_loss.keras": lambda: in_plain_model(per_output())}
        if KERAS_3
        else {}  # Keras 2 hands no loss all outputs
    ),
}

TRAINING = {"batch_size": 4, "shuffle": False, "verbose": 0}


def evaluated(model, data):
    """The logs of one batch, which do not depend on how batches are averaged."""
    logs = model.evaluate(*data, batch_size=8, verbose=0, return_dict=True)
    return {name: float(value) for name, value in logs.items()}
