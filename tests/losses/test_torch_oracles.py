"""The losses against implementations of others: PyTorch and PyTorch Metric Learning."""

import math

import numpy as np
import pytest

from keras_multiloss import layers, losses
from keras_multiloss._platform import ops
from tests.lanes import needs_metric_learning

pytestmark = needs_metric_learning

RNG = np.random.default_rng(3)
#: Both sides compute in float32, in another order.
CLOSE = {"rel": 1e-5, "abs": 1e-6}


def numbers(*shape):
    return RNG.normal(size=shape).astype("float32")


def tensors(*arrays):
    import torch

    return [torch.tensor(array) for array in arrays]


def test_gaussian_nll():
    import torch

    label, mean, log_variance = numbers(8, 2), numbers(8, 2), numbers(8, 2)
    y, mu, s = tensors(label, mean, log_variance)
    expected = torch.nn.GaussianNLLLoss()(mu, y, torch.exp(s))
    assert float(losses.GaussianNLL()(label, (mean, log_variance))) == pytest.approx(
        float(expected), **CLOSE
    )


def test_mixture_density_nll():
    import torch

    label, logits, mean, log_variance = (
        numbers(8, 2),
        numbers(8, 3),
        numbers(8, 3, 2),
        numbers(8, 3, 2),
    )
    y, z, mu, s = tensors(label, logits, mean, log_variance)
    components = torch.distributions.Independent(
        torch.distributions.Normal(mu, torch.exp(0.5 * s)), 1
    )
    mixture = torch.distributions.MixtureSameFamily(
        torch.distributions.Categorical(logits=z), components
    )
    constant = math.log(2 * math.pi)  # n/2 log 2 pi, for n = 2
    expected = -float(mixture.log_prob(y).mean()) - constant
    loss = losses.MixtureDensityNLL()(label, (logits, mean, log_variance))
    assert float(loss) == pytest.approx(expected, **CLOSE)


@pytest.mark.parametrize("swap", [False, True])
def test_triplet_margin(swap):
    import torch

    triplet = numbers(8, 4), numbers(8, 4), numbers(8, 4)
    # It adds eps to each difference; 0 leaves the distance as it is.
    expected = torch.nn.TripletMarginLoss(margin=0.7, swap=swap, eps=0.0)(*tensors(*triplet))
    loss = losses.TripletMarginLoss(margin=0.7, swap=swap)(None, triplet)
    assert float(loss) == pytest.approx(float(expected), **CLOSE)


def test_nt_xent():
    import torch
    from pytorch_metric_learning.losses import NTXentLoss

    one, other = numbers(8, 4), numbers(8, 4)
    same_sample = torch.arange(8).repeat(2)
    views = torch.cat(tensors(one, other))
    expected = NTXentLoss(temperature=0.2)(views, same_sample)
    loss = losses.NTXentLoss(temperature=0.2)(None, (one, other))
    assert float(loss) == pytest.approx(float(expected), **CLOSE)


def test_in_batch_softmax():
    import torch

    query, item, log_q = numbers(8, 4), numbers(8, 4), -np.abs(numbers(8))
    u, v, correction = tensors(query, item, log_q)
    scores = u @ v.T / 0.5 - correction
    expected = torch.nn.functional.cross_entropy(scores, torch.arange(8))
    loss = losses.InBatchSoftmaxLoss(temperature=0.5)(log_q, (query, item))
    assert float(loss) == pytest.approx(float(expected), **CLOSE)


def test_in_batch_softmax_of_clip():
    import torch

    image, text, scale = numbers(8, 4), numbers(8, 4), np.float32(20.0)
    u, v = (torch.nn.functional.normalize(x, dim=-1) for x in tensors(image, text))
    scores, own = torch.tensor(scale) * u @ v.T, torch.arange(8)
    cross_entropy = torch.nn.functional.cross_entropy
    expected = (cross_entropy(scores, own) + cross_entropy(scores.T, own)) / 2
    loss = losses.InBatchSoftmaxLoss(normalize=True, symmetric=True)
    found = loss(None, (image, text, np.full((8, 1), 1 / scale)))
    assert float(found) == pytest.approx(float(expected), **CLOSE)


def test_vicreg():
    from pytorch_metric_learning.losses import VICRegLoss

    one, other = 0.3 * numbers(8, 4), 0.3 * numbers(8, 4)
    # It halves the sum of the two views' variance terms; the paper's equation 6 does not.
    oracle = VICRegLoss(invariance_lambda=25, variance_mu=50, covariance_v=1, eps=1e-4)
    embeddings, references = tensors(one, other)
    expected = oracle(embeddings, ref_emb=references)
    loss = losses.VICRegLoss()(None, (one, other))
    assert float(loss) == pytest.approx(float(expected), **CLOSE)


@pytest.mark.parametrize("name", ["ArcFaceLoss", "CosFaceLoss"])
def test_angular_margins_with_the_class_vectors_in_a_layer(name):
    import torch
    from pytorch_metric_learning import losses as oracles

    embedding, classes = numbers(8, 4), RNG.integers(0, 3, 8)
    layer = layers.CosineDense(3)
    cosines = ops.stop_gradient(layer(embedding))
    in_degrees = math.degrees(0.4) if name == "ArcFaceLoss" else 0.4
    oracle = getattr(oracles, name)(3, 4, margin=in_degrees, scale=8)
    oracle.W.data = torch.tensor(ops.convert_to_numpy(layer.kernel))
    expected = oracle(*tensors(embedding, classes)).detach()
    loss = getattr(losses, name)(margin=0.4, scale=8.0)(classes, cosines)
    assert float(loss) == pytest.approx(float(expected), **CLOSE)


def test_distillation_is_the_divergence_of_softened_classes():
    import torch

    student, teacher = numbers(8, 5), numbers(8, 5)
    s, t = tensors(student, teacher)
    log_p, log_q = torch.log_softmax(s / 3, -1), torch.log_softmax(t / 3, -1)
    kl = torch.nn.functional.kl_div(log_p, log_q, log_target=True, reduction="batchmean")
    loss = losses.DistillationLoss(temperature=3.0)(None, (student, teacher))
    assert float(loss) == pytest.approx(9 * float(kl), **CLOSE)


@pytest.mark.parametrize("n_views", [1, 2])
def test_supervised_contrastive(n_views):
    from pytorch_metric_learning.losses import SupConLoss
    from pytorch_metric_learning.reducers import MeanReducer

    views, classes = numbers(9, n_views, 4), np.array([0, 1, 2, 0, 1, 2, 0, 1, 3])
    # Its own reducer leaves out the samples without positives; the authors' code does not.
    oracle = SupConLoss(temperature=0.2, reducer=MeanReducer())
    embeddings, labels = tensors(views.reshape(-1, 4), classes.repeat(n_views))
    expected = oracle(embeddings, labels)
    loss = losses.SupervisedContrastiveLoss(temperature=0.2)(classes, views)
    assert float(loss) == pytest.approx(float(expected), **CLOSE)


def test_pseudo_labels_are_those_of_fixmatch():
    import torch

    strong, weak = numbers(8, 5), 3 * numbers(8, 5)
    s, w = tensors(strong, weak)
    # As in https://github.com/kekmodel/FixMatch-pytorch, train.py
    confidence, classes = torch.softmax(w, dim=-1).max(dim=-1)
    is_sure = confidence.ge(0.8).float()
    assert 0 < is_sure.sum() < 8
    values = torch.nn.functional.cross_entropy(s, classes, reduction="none") * is_sure
    loss = losses.PseudoLabelLoss(threshold=0.8, from_logits=True)(None, (strong, weak))
    assert float(loss) == pytest.approx(float(values.mean()), **CLOSE)
