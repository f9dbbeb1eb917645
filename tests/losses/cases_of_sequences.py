"""Cases of the losses of sequences."""

import numpy as np

from keras_multiloss import losses
from tests.losses import references_of_sequences as references
from tests.losses.case import Case, logits

#: One entry, a class twice in a row, three classes for as many frames (with padding), none.
LABEL = np.array([[2, 0, 0], [1, 1, 0], [2, 1, 2], [0, 0, 0]], "int32")
ENDS = 1e4 * np.sign(logits(4, 4, 3))

CASES = [
    Case(
        "ctc",
        losses.CTCLoss(),
        references.ctc,
        (logits(4, 4, 3),),
        (ENDS,),
        LABEL,
        takes_one_or_two=True,
    ),
    Case(
        "ctc_with_lengths",
        losses.CTCLoss(blank=-1),
        lambda label, output: references.ctc(label[0], output, 2, *label[1:]),
        (logits(4, 4, 3),),
        (ENDS,),
        (
            np.array([[1, 0], [1, 1], [0, 1], [0, 0]], "int32"),
            np.array([2, 2, 1, 0], "int32"),
            np.array([4, 2, 3, 1], "int32"),  # the second has too few
        ),
        needs_labels=False,
        takes_one_or_two=True,
    ),
]
