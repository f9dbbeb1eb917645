"""`MultiLossModel` as a user trains it."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import KERAS_3, keras, ops
from tests.conftest import two_heads, two_heads_data, under_policy
from tests.lanes import (
    BACKEND,
    VERSION,
    both_mixed_policies,
    needs_keras_3,
    needs_tensorflow,
)


def spec():
    return kml.LossTerm("mse", "age") + 0.5 * kml.LossTerm("binary_crossentropy", "sex")


def compiled(loss=None, model=None, **kwargs):
    model = kml.MultiLossModel.from_model(model or two_heads())
    model.compile(kwargs.pop("optimizer", "sgd"), loss=loss or spec(), **kwargs)
    return model


def assert_log_adds_up(logs, weights, regularization=0.0, prefix=""):
    total = sum(w * logs[f"{prefix}{name}_loss"] for name, w in weights.items())
    # The sums are of float32 and so are the logs: a few units in the last place.
    assert logs[f"{prefix}loss"] == pytest.approx(total + regularization, rel=1e-6, abs=1e-6)


def last(history):
    return {name: values[-1] for name, values in history.history.items()}


WEIGHTS = {"age": 1.0, "sex": 0.5}


def test_numpy_data_trains_and_every_log_adds_up():
    x, y = two_heads_data()
    model = compiled()
    logs = last(model.fit(x, y, epochs=2, batch_size=10, validation_data=(x, y), verbose=0))
    assert_log_adds_up(logs, WEIGHTS)
    assert_log_adds_up(logs, WEIGHTS, prefix="val_")
    assert_log_adds_up(model.evaluate(x, y, verbose=0, return_dict=True), WEIGHTS)


def test_regularization_is_in_the_loss_and_in_no_term():
    x, y = two_heads_data()
    model = compiled(model=two_heads(kernel_regularizer=keras.regularizers.L2(0.5)))
    kernel = model.get_layer("age").get_weights()[0]
    logs = model.evaluate(x, y, verbose=0, return_dict=True)
    assert_log_adds_up(logs, WEIGHTS, regularization=0.5 * float((kernel**2).sum()))


def test_the_total_and_the_training_equal_those_of_keras_per_output_losses():
    x, y = two_heads_data()
    ours = compiled(model=two_heads())
    plain = two_heads()
    plain.set_weights(ours.get_weights())
    losses = {"age": "mse", "sex": "binary_crossentropy"}
    plain.compile("sgd", loss=losses, loss_weights=WEIGHTS)
    a = ours.fit(x, y, epochs=3, batch_size=10, shuffle=False, verbose=0).history["loss"]
    b = plain.fit(x, y, epochs=3, batch_size=10, shuffle=False, verbose=0).history["loss"]
    # Two orders of summation in float32.
    np.testing.assert_allclose(a, b, rtol=1e-6)
    for one, other in zip(ours.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_list_outputs_are_addressed_by_layer_name_and_by_position():
    x, y = two_heads_data()
    by_name = compiled(model=two_heads(as_list=True))
    loss = kml.LossTerm("mse", 0, name="age")
    loss += 0.5 * kml.LossTerm("binary_crossentropy", 1, name="sex")
    by_position = kml.MultiLossModel.from_model(by_name)
    by_position.compile("sgd", loss=loss)
    labels = [y["age"], y["sex"]]
    one = by_name.evaluate(x, y, verbose=0, return_dict=True)
    assert one == by_position.evaluate(x, labels, verbose=0, return_dict=True)
    assert one == by_name.evaluate(x, labels, verbose=0, return_dict=True)
    assert_log_adds_up(one, WEIGHTS)


def test_nested_dict_outputs_are_addressed_by_path():
    x, _ = two_heads_data()
    inputs = keras.Input((3,), name="x")
    outputs = {"head": {"box": keras.layers.Dense(4, name="box")(inputs)}}
    outputs["score"] = keras.layers.Dense(1, name="score")(inputs)
    model = kml.MultiLossModel(inputs, outputs)
    model.compile("sgd", loss=kml.LossTerm("mse", "head/box") + kml.LossTerm("mae", "score"))
    labels = {"head": {"box": np.zeros((24, 4), "float32")}, "score": np.zeros((24, 1), "float32")}
    logs = last(model.fit(x, labels, verbose=0))
    assert_log_adds_up(logs, {"head/box": 1.0, "score": 1.0})


def test_one_label_array_is_the_only_label_of_a_joint_loss():
    x, _ = two_heads_data()
    loss = kml.LossTerm(kml.losses.ConsistencyLoss(), ["age", "sex"], labels=None, name="agree")
    model = compiled(loss + kml.LossTerm("mse", "age", "weight"))
    logs = last(model.fit(x, np.ones((24, 1), "float32"), verbose=0))
    assert set(logs) == {"loss", "agree_loss", "age_loss"}


def test_a_term_without_labels_trains_without_y():
    x, _ = two_heads_data()
    loss = kml.LossTerm(kml.losses.ConsistencyLoss(), ["age", "sex"], labels=None, name="agree")
    model = compiled(loss, optimizer=keras.optimizers.SGD(0.5))
    if not KERAS_3:
        # Keras 2 refuses to train without a target wherever a loss is compiled.
        history = model.fit(x, {}, epochs=5, verbose=0)
    else:
        history = model.fit(x, epochs=5, verbose=0)
    assert history.history["agree_loss"][-1] < history.history["agree_loss"][0]


def test_sample_weights_reach_every_term_as_an_array_and_as_a_partial_dict():
    x, y = two_heads_data()
    model = compiled()
    zeros, ones = np.zeros(24, "float32"), np.ones(24, "float32")
    plain = model.evaluate(x, y, verbose=0, return_dict=True)
    weightless = model.evaluate(x, y, sample_weight=zeros, verbose=0, return_dict=True)
    assert weightless == {"loss": 0.0, "age_loss": 0.0, "sex_loss": 0.0}
    partial = model.evaluate(x, y, sample_weight={"sex": zeros}, verbose=0, return_dict=True)
    assert partial["sex_loss"] == 0.0
    assert partial["age_loss"] == pytest.approx(plain["age_loss"], rel=1e-6)
    both = model.evaluate(
        x, y, sample_weight={"age": ones, "sex": ones}, verbose=0, return_dict=True
    )
    assert both == plain
    validation = (x, y, {"sex": zeros})
    logs = last(model.fit(x, y, sample_weight=zeros, validation_data=validation, verbose=0))
    assert logs["loss"] == 0.0
    assert logs["val_sex_loss"] == 0.0 < logs["val_age_loss"]


def test_one_sample_weight_array_serves_terms_without_labels():
    x, y = two_heads_data()
    agree = kml.LossTerm(kml.losses.ConsistencyLoss(), ["age", "sex"], labels=None, name="agree")
    model = compiled(agree + kml.LossTerm("mse", "age"))
    weights = np.zeros(24, "float32")
    labels = {"age": y["age"]}
    logs = model.evaluate(x, labels, sample_weight=weights, verbose=0, return_dict=True)
    assert logs == {"loss": 0.0, "agree_loss": 0.0, "age_loss": 0.0}


@pytest.mark.parametrize("by_term", [False, True])
def test_sample_weights_reach_terms_without_labels(by_term):
    x, _ = two_heads_data()
    agree = kml.LossTerm(kml.losses.ConsistencyLoss(), ["age", "sex"], None, name="agree")
    model = compiled(agree)
    weights = np.linspace(0.0, 2.0, 24).astype("float32")
    given = {"agree": weights} if by_term else weights
    logs = model.evaluate(x, sample_weight=given, verbose=0, return_dict=True)
    predicted = model.predict(x, verbose=0)
    square = np.square(predicted["age"] - predicted["sex"])[:, 0]
    plain = model.evaluate(x, verbose=0, return_dict=True)["agree_loss"]
    share = np.mean(weights * square) / np.mean(square)
    assert logs["agree_loss"] == pytest.approx(share * plain, rel=1e-5)  # float32 sums
    history = model.fit(x, sample_weight=given, validation_data=(x, None, given), verbose=0)
    assert history.history["val_agree_loss"][0] > 0


def test_a_validation_split_takes_its_share_of_the_sample_weights():
    x, y = two_heads_data()
    weights = np.concatenate([np.ones(18), np.zeros(6)]).astype("float32")
    history = compiled().fit(x, y, sample_weight=weights, validation_split=0.25, verbose=0)
    logs = last(history)
    assert logs["val_loss"] == 0.0 < logs["loss"]


def test_sample_weights_of_another_length_are_refused():
    x, y = two_heads_data()
    with pytest.raises(ValueError, match="'sex' differs in length from the labels"):
        compiled().fit(x, y, sample_weight={"sex": np.ones(23)}, verbose=0)


@needs_tensorflow
@pytest.mark.parametrize("with_weights", [False, True])
def test_tf_data_gives_what_numpy_gives(with_weights):
    import tensorflow as tf

    x, y = two_heads_data()
    weights = ({"sex": np.linspace(0, 1, 24).astype("float32")},) if with_weights else ()
    model = compiled()
    logs = model.test_on_batch(x, y, *weights, return_dict=True)
    expected = {name: float(value) for name, value in logs.items()}
    dataset = tf.data.Dataset.from_tensor_slices((x, y, *weights)).batch(8)
    logs = model.evaluate(dataset, verbose=0, return_dict=True)
    # Means over batches and over all samples differ in float32 rounding only.
    assert logs == pytest.approx(expected, rel=1e-6)
    assert_log_adds_up(last(model.fit(dataset, shuffle=False, verbose=0)), WEIGHTS)


class Batches(keras.utils.PyDataset if KERAS_3 else keras.utils.Sequence):
    def __init__(self, x, y):
        super().__init__()
        self.x, self.y = x, y

    def __len__(self):
        return 3

    def __getitem__(self, i):
        rows = slice(8 * i, 8 * i + 8)
        return self.x[rows], {name: label[rows] for name, label in self.y.items()}


def test_a_pydataset_and_a_generator_give_what_numpy_gives():
    x, y = two_heads_data()
    model = compiled()
    expected = model.evaluate(x, y, batch_size=8, verbose=0, return_dict=True)
    batches = Batches(x, y)
    assert model.evaluate(batches, verbose=0, return_dict=True) == expected
    generator = (batches[i] for i in range(3))
    assert model.evaluate(generator, steps=3, verbose=0, return_dict=True) == expected


@pytest.mark.parametrize(
    "options",
    [
        {"jit_compile": True},
        {"jit_compile": False},
        {"run_eagerly": True},
        {"steps_per_execution": 3},
    ],
    ids=str,
)
def test_every_way_to_run_a_step_gives_one_result(options):
    if BACKEND == "torch" and options.get("jit_compile"):
        pytest.skip("compiling with torch takes a C++ tool chain")
    if BACKEND == "torch" and "steps_per_execution" in options:
        pytest.skip("Keras allows one step per execution on torch")
    x, y = two_heads_data()
    schedule = keras.optimizers.schedules.PolynomialDecay(1.0, 6, 0.5)
    loss = spec() + kml.LossTerm("mae", "age", weight=schedule, name="moving")
    reference = compiled(loss, run_eagerly=BACKEND == "tensorflow")
    model = compiled(loss, **options)
    model.set_weights(reference.get_weights())
    a = reference.fit(x, y, epochs=2, batch_size=8, shuffle=False, verbose=0).history
    b = model.fit(x, y, epochs=2, batch_size=8, shuffle=False, verbose=0).history
    for name in a:
        # XLA fuses and reorders float32 sums.
        np.testing.assert_allclose(b[name], a[name], rtol=1e-5, err_msg=name)


@needs_keras_3
def test_gradient_accumulation_trains_and_logs():
    x, y = two_heads_data()
    model = compiled(optimizer=keras.optimizers.SGD(0.1, gradient_accumulation_steps=2))
    before = model.get_layer("age").get_weights()[0]
    logs = last(model.fit(x, y, batch_size=6, epochs=2, verbose=0))
    assert_log_adds_up(logs, WEIGHTS)
    assert not np.array_equal(before, model.get_layer("age").get_weights()[0])


@both_mixed_policies
def test_mixed_precision_computes_the_loss_in_float32(policy):
    x, y = two_heads_data()
    with under_policy(policy):
        model = compiled(kml.LossTerm("mse", "age") + kml.LossTerm("mse", "sex"))
        y = {**y, "age": y["age"] + 1000.0}  # its square overflows float16
        logs = last(model.fit(x, y, verbose=0))
    assert logs["age_loss"] == pytest.approx(1e6, rel=0.05)
    assert_log_adds_up(logs, {"age": 1.0, "sex": 1.0})


def test_metrics_see_the_label_of_their_output_when_others_have_none():
    x, y = two_heads_data()
    loss = kml.LossTerm("mse", "age", "height") + kml.LossTerm("binary_crossentropy", "sex")
    model = compiled(loss, metrics={"sex": ["mae"]}, weighted_metrics={"sex": ["mse"]})
    data = {"height": y["age"], "sex": y["sex"]}
    logs = model.evaluate(
        x, data, sample_weight=np.ones(24, "float32"), verbose=0, return_dict=True
    )
    predicted = model.predict(x, verbose=0)["sex"]
    name = "sex_mae" if "sex_mae" in logs else "sex_mean_absolute_error"
    assert logs[name] == pytest.approx(np.abs(predicted - y["sex"]).mean(), rel=1e-5)


def test_a_metric_of_an_output_without_a_label_is_refused():
    x, y = two_heads_data()
    model = compiled(kml.LossTerm("mse", "sex"), metrics={"age": ["mae"]})
    with pytest.raises(ValueError, match="a metric of output 'age' has no label of that name"):
        model.evaluate(x, {"sex": y["sex"]}, verbose=0)


def test_a_schedule_counts_training_steps_and_no_evaluation_steps():
    x, y = two_heads_data()
    schedule = keras.optimizers.schedules.PolynomialDecay(1.0, 10, 0.0)
    model = compiled(kml.LossTerm("mse", "age", weight=schedule) + kml.LossTerm("mse", "sex"))
    model.evaluate(x, y, batch_size=4, verbose=0)
    model.fit(x, y, batch_size=4, verbose=0)
    logs = model.evaluate(x, y, verbose=0, return_dict=True)
    assert logs["age_weight"] == pytest.approx(0.4)
    assert_log_adds_up(logs, {"age": 0.4, "sex": 1.0})


def test_a_moving_weight_is_logged_as_its_mean_over_the_steps():
    x, y = two_heads_data()
    schedule = keras.optimizers.schedules.PolynomialDecay(1.0, 4, 0.0)
    model = compiled(kml.LossTerm("mse", "age", weight=schedule) + kml.LossTerm("mse", "sex"))
    logs = last(model.fit(x, y, batch_size=7, verbose=0))
    assert logs["age_weight"] == pytest.approx(np.mean([1.0, 0.75, 0.5, 0.25]))
    logs = model.evaluate(x, y, batch_size=24, verbose=0, return_dict=True)
    assert_log_adds_up(logs, {"age": logs["age_weight"], "sex": 1.0})


def test_recompiling_replaces_the_loss_its_logs_and_its_state():
    x, y = two_heads_data()
    schedule = keras.optimizers.schedules.PolynomialDecay(1.0, 10, 0.0)
    model = two_heads()
    model.get_layer("sex").trainable = False  # it gets no gradient, of which Keras warns
    model = compiled(kml.LossTerm("mse", "age", weight=schedule, name="first"), model=model)
    n_plain = len(model.weights) - 1
    model.fit(x, y, verbose=0)
    for _ in range(2):
        model.compile("sgd", loss=kml.LossTerm("mae", "age", weight=schedule, name="second"))
        assert len(model.weights) == n_plain + 1
    assert set(model.fit(x, y, verbose=0).history) == {"loss", "second_loss", "second_weight"}
    model.compile("sgd", loss=kml.LossTerm("mae", "age", name="third"))
    assert len(model.weights) == n_plain
    assert set(model.fit(x, y, verbose=0).history) == {"loss", "third_loss"}


def test_any_other_loss_works_as_in_keras():
    x, y = two_heads_data()
    model = compiled()
    model.fit(x, y, verbose=0)
    model.compile("sgd", loss={"age": "mse", "sex": keras.losses.Huber()})
    assert np.isfinite(model.fit(x, y, verbose=0).history["loss"][0])
    assert "age_loss" in model.fit(x, y, verbose=0).history
    model.compile("sgd", loss="mse")
    assert np.isfinite(model.evaluate(x, y, verbose=0, return_dict=True)["loss"])


def test_train_on_batch_and_test_on_batch_log_the_terms():
    x, y = two_heads_data()
    model = compiled()
    assert_log_adds_up(model.train_on_batch(x, y, return_dict=True), WEIGHTS)
    model.reset_metrics()
    assert_log_adds_up(model.test_on_batch(x, y, return_dict=True), WEIGHTS)


def test_an_optional_term_is_skipped_and_not_logged_where_its_label_is_absent():
    x, y = two_heads_data()
    model = compiled(
        kml.LossTerm("mse", "age", required=False)
        + kml.LossTerm("binary_crossentropy", "sex", weight=0.5)
    )
    assert_log_adds_up(model.evaluate(x, y, verbose=0, return_dict=True), WEIGHTS)
    logs = model.evaluate(x, {"sex": y["sex"]}, verbose=0, return_dict=True)
    assert set(logs) == {"loss", "sex_loss"}
    assert_log_adds_up(logs, {"sex": 0.5})


def test_a_sequential_model_is_wrapped_and_shares_its_layers():
    x, y = two_heads_data()
    layer = keras.layers.Dense(1, name="age")
    sequential = keras.Sequential([keras.Input((3,)), layer])
    model = compiled(kml.LossTerm("mse", "age"), model=sequential)
    before = layer.get_weights()[0]
    model.fit(x, y["age"], verbose=0)
    assert not np.array_equal(before, layer.get_weights()[0])
    np.testing.assert_array_equal(model.predict(x, verbose=0), sequential.predict(x, verbose=0))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_masked_time_steps_are_left_out_as_keras_leaves_them_out(dtype):
    if dtype == "bfloat16" and (3, 0) <= VERSION < (3, 14):
        pytest.skip("Keras itself loses a mask where a layer casts its input, until 3.14")
    tokens = np.array([[1, 2, 0, 0], [3, 0, 0, 0]])
    labels = {"tag": np.array([[1.0, 2.0, 9.0, 9.0], [3.0, 9.0, 9.0, 9.0]], "float32")[..., None]}
    inputs = keras.Input((4,), dtype="int32")
    embedded = keras.layers.Embedding(5, 3, mask_zero=True)(inputs)
    tag = keras.layers.Dense(1, name="tag", dtype=dtype)(embedded)
    model = kml.MultiLossModel(inputs, {"tag": tag})
    model.compile("sgd", loss=kml.LossTerm("mse", "tag"))
    predicted = np.asarray(ops.convert_to_numpy(ops.cast(model(tokens)["tag"], "float32")))
    expected = ((predicted - labels["tag"]) ** 2)[tokens > 0].mean()
    logs = model.evaluate(tokens, labels, verbose=0, return_dict=True)
    assert logs["tag_loss"] == pytest.approx(expected, rel=1e-5)


def test_fit_without_an_optimizer_says_so():
    x, y = two_heads_data()
    model = kml.MultiLossModel.from_model(two_heads())
    if VERSION < (3, 0):
        pytest.skip("Keras 2 refuses `optimizer=None` itself, in `compile`")
    model.compile(optimizer=None, loss=spec())
    assert np.isfinite(model.evaluate(x, y, verbose=0, return_dict=True)["loss"])
    with pytest.raises(ValueError, match="the model has no optimizer to train with"):
        model.fit(x, y, verbose=0)
