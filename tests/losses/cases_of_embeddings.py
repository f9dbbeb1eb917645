"""Cases of the losses of embeddings and of cosines."""

import numpy as np

from keras_multiloss import losses
from tests.losses import references_of_embeddings as references
from tests.losses.case import Case, logits

#: Long and short vectors, and none at all.
FAR = np.array([[1e4, 0.0, 0.0], [0.0, -1e4, 0.0], [1e-4, 0.0, 1e-4], [0.0, 0.0, 0.0]])
CLASSES = np.array([0, 2, 1, 2], "int32")
COSINES = np.tanh(logits(4, 3))
#: One beyond the angle from which the margin would reach past pi.
COSINES[1, 2] = -0.95
ENDS = np.array([[1.0, -1.0, 0.0], [1.0, 1.0, -1.0], [-1.0, 1.0, 1.0], [0.0, 0.0, 1.0]])


def pair():
    return (logits(4, 3), logits(4, 3))


CASES = [
    *(
        Case(
            f"triplet_margin_{distance}",
            losses.TripletMarginLoss(margin=1.5, distance=distance, swap=swap),
            lambda label, *outputs, d=distance, s=swap: references.triplet_margin(
                label, *outputs, margin=1.5, distance=d, swap=s
            ),
            (*pair(), logits(4, 3)),
            (FAR, FAR, FAR[::-1].copy()),
        )
        for distance, swap in [("euclidean", False), ("squared_euclidean", True), ("cosine", False)]
    ),
    Case(
        "nt_xent",
        losses.NTXentLoss(temperature=0.3),
        lambda label, *outputs: references.nt_xent(label, *outputs, temperature=0.3),
        pair(),
        (FAR, -FAR),
        is_coupled=True,
    ),
    Case(
        "in_batch_softmax",
        losses.InBatchSoftmaxLoss(temperature=0.5),
        lambda label, *outputs: references.in_batch_softmax(label, *outputs, temperature=0.5),
        pair(),
        (FAR, -FAR),
        np.log(np.array([0.1, 0.5, 0.2, 0.9])),
        is_coupled=True,
        needs_labels=False,
    ),
    Case(
        "in_batch_softmax_of_units",
        losses.InBatchSoftmaxLoss(normalize=True),
        lambda label, *outputs: references.in_batch_softmax(label, *outputs, normalize=True),
        pair(),
        (FAR, -FAR),
        is_coupled=True,
    ),
    Case(
        "barlow_twins",
        losses.BarlowTwinsLoss(off_diagonal_weight=0.2),
        lambda label, *outputs: references.barlow_twins(label, *outputs, off_diagonal_weight=0.2),
        pair(),
        (FAR, np.ones((4, 3))),
        is_coupled=True,
    ),
    Case(
        "vicreg",
        losses.VICRegLoss(),
        references.vicreg,
        (0.1 * logits(4, 3), 0.1 * logits(4, 3)),
        (FAR, np.ones((4, 3))),
        is_coupled=True,
    ),
    Case(
        "orthogonality",
        losses.OrthogonalityLoss(),
        references.orthogonality,
        (logits(4, 3), logits(4, 2), logits(4, 5)),
        (FAR, FAR[:, :2].copy()),
        is_coupled=True,
    ),
    Case(
        "arc_face",
        losses.ArcFaceLoss(margin=0.5, scale=4.0),
        lambda label, *outputs: references.arc_face(label, *outputs, margin=0.5, scale=4.0),
        (COSINES,),
        (ENDS,),
        CLASSES,
    ),
    Case(
        "cos_face",
        losses.CosFaceLoss(margin=0.3, scale=4.0),
        lambda label, *outputs: references.cos_face(label, *outputs, margin=0.3, scale=4.0),
        (COSINES,),
        (ENDS,),
        CLASSES,
    ),
    *(
        Case(
            f"supervised_contrastive_{views}",
            losses.SupervisedContrastiveLoss(temperature=0.3),
            lambda label, *outputs: references.supervised_contrastive(
                label, *outputs, temperature=0.3
            ),
            outputs,
            extreme,
            CLASSES,
            is_coupled=True,
            takes_one_or_two=True,
        )
        for views, outputs, extreme in [
            ("single_view", (logits(4, 3),), (FAR,)),
            ("views_in_one_output", (logits(4, 2, 3),), (np.stack([FAR, -FAR], axis=1),)),
            ("views_as_outputs", pair(), (FAR, FAR[::-1].copy())),
        ]
    ),
    Case(
        "in_batch_softmax_of_clip",
        losses.InBatchSoftmaxLoss(normalize=True, symmetric=True),
        lambda label, *outputs: references.in_batch_softmax(
            label, *outputs, normalize=True, symmetric=True
        ),
        (*pair(), np.array([[0.5], [0.2], [1.5], [0.8]])),
        (FAR, -FAR, np.array([[1e-9], [1e9], [0.0], [1.0]])),
        is_coupled=True,
    ),
    *(
        Case(
            f"in_batch_softmax_without_hits_{name}",
            losses.InBatchSoftmaxLoss(remove_accidental_hits=True, symmetric=symmetric),
            lambda label, *outputs, s=symmetric: references.in_batch_softmax(
                label[0] if isinstance(label, tuple) else None,
                *outputs,
                symmetric=s,
                item_id=label[1] if isinstance(label, tuple) else label,
            ),
            pair(),
            (FAR, -FAR),
            label,
            is_coupled=True,
            needs_labels=not isinstance(label, tuple),
        )
        for name, symmetric, label in [
            ("by_item", False, CLASSES),
            ("corrected", True, (np.log([0.1, 0.5, 0.2, 0.9]), CLASSES)),
        ]
    ),
]
