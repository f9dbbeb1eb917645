"""Speech from text, as Tacotron 2 does it: padded frames, a stop token, guided attention."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras, ops

layers = keras.layers


@keras.saving.register_keras_serializable("tacotron")
class GuidedAttention(kml.JointLoss):
    def call(self, y_true, y_pred):
        frames, letters = y_pred.shape[1], y_pred.shape[2]
        of_frame = ops.arange(frames, dtype="float32")[:, None] / frames
        of_letter = ops.arange(letters, dtype="float32")[None, :] / letters
        away = 1 - ops.exp(-((of_frame - of_letter) ** 2) / (2 * 0.2**2))
        is_there = ops.cast(ops.isfinite(y_true[..., :1]), "float32")
        return ops.sum(away * y_pred * is_there, (1, 2)) / ops.sum(is_there, (1, 2))


def build():
    text = keras.Input((6,), dtype="int32", name="text")
    letters = layers.Embedding(20, 8)(text)
    steps = layers.Dense(12 * 8, name="steps")(layers.Flatten()(letters))
    query = layers.GRU(8, return_sequences=True)(layers.Reshape((12, 8))(steps))
    context, attention = layers.MultiHeadAttention(1, 8, name="attention")(
        query, letters, return_attention_scores=True
    )
    mel = layers.Dense(4, name="mel")(context)
    stop = layers.Dense(1, activation="sigmoid", name="stop")(context)
    outputs = {"mel": mel, "stop": stop, "attention": attention[:, 0]}
    loss = kml.LossTerm("mae", "mel", mask="nan", reduction="mean_per_sample")
    loss += kml.LossTerm("binary_crossentropy", "stop", mask="nan")
    return keras.Model(text, outputs), loss + kml.LossTerm(GuidedAttention(), "attention", "mel")


def test_padded_speech_has_a_stop_token_and_guided_attention(with_own_classes):
    rng = np.random.default_rng(0)
    lengths = rng.integers(4, 13, 32)
    is_padding = np.arange(12)[None, :] >= lengths[:, None]
    mel = np.where(is_padding[..., None], np.nan, rng.normal(size=(32, 12, 4)))
    stop = np.where(is_padding, np.nan, np.arange(12)[None, :] == lengths[:, None] - 1)
    y = {"mel": mel.astype("float32"), "stop": stop[..., None].astype("float32")}
    text = rng.integers(1, 20, (32, 6)).astype("int32")
    logs = with_own_classes.check(build, text, y, uses=[GuidedAttention])
    served = keras.saving.load_model(with_own_classes.serving_file)
    error = np.abs(served.predict(text, verbose=0)["mel"] - mel).mean(-1)
    assert logs["mel_loss"] == pytest.approx(np.nanmean(np.nanmean(error, 1)), rel=1e-5)  # float32
