"""Weights as hyper-parameters: Keras Tuner looks for the weights of three terms.

The tasks are those of `weightings_compared.py`. The cut keeps weight 1, as only the ratios of
weights matter to Adam, so two weights are left to find, on logarithmic scales. The objective must
not depend on what is tuned: it is the mean error on validation data relative to a constant
guess, and not the validation loss, which is lowest for weights near zero.
"""

import argparse
import tempfile

import keras
import keras_tuner
from weightings_compared import compiled_model, diamonds, inverse_variances, scores


class WeightTuner(keras_tuner.RandomSearch):
    """Trains what the hypermodel builds, and judges it by a score that depends on no weight."""

    def run_trial(self, trial, training, validation, **options):
        model = self.hypermodel.build(trial.hyperparameters)
        model.fit(*training, batch_size=64, **options)
        return float(scores(model, *validation)[-1])


def hypermodel(training):
    """A function from hyper-parameters to a model whose terms have them as weights."""
    # One over the variance is of the right order: search two orders of magnitude around it.
    scale = inverse_variances(training[1])

    def build(hp):
        keras.utils.set_random_seed(0)
        weights = {
            name: hp.Float(name, scale[name] / 100, scale[name] * 100, sampling="log")
            for name in ("price", "depth")
        }
        return compiled_model(*training, {**weights, "cut": 1.0})

    return build


def search(training, validation, n_trials, epochs):
    """Every trial, the best one first."""
    with tempfile.TemporaryDirectory() as directory:
        tuner = WeightTuner(
            hypermodel(training),
            max_trials=n_trials,
            seed=1,  # Keras Tuner takes 0 to mean no seed
            directory=directory,
        )
        tuner.search(training, validation, epochs=epochs, verbose=0)
        return tuner.oracle.get_best_trials(n_trials)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--epochs", type=int, default=8)
    arguments = parser.parse_args()

    training, validation, _ = diamonds()
    trials = search(training, validation, arguments.trials, arguments.epochs)
    print("The weight of the cut is 1. Best first, error on validation data (guessing: 1):")
    for trial in trials:
        weights = trial.hyperparameters.values
        print("  price {price:.1e}, depth {depth:.1e}:".format(**weights), f"{trial.score:.3f}")


if __name__ == "__main__":
    main()
