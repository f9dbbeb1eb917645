"""Every joint loss with inputs that fit it: what the contracts run over."""

from tests.losses import (
    cases_of_detection,
    cases_of_distillation,
    cases_of_distributions,
    cases_of_embeddings,
    cases_of_images,
    cases_of_regressions,
    cases_of_sequences,
    cases_of_single_shot,
    cases_of_survival,
    cases_of_unlabelled,
)

CASES = [
    *cases_of_detection.CASES,
    *cases_of_distillation.CASES,
    *cases_of_distributions.CASES,
    *cases_of_embeddings.CASES,
    *cases_of_regressions.CASES,
    *cases_of_survival.CASES,
    *cases_of_sequences.CASES,
    *cases_of_images.CASES,
    *cases_of_single_shot.CASES,
    *cases_of_unlabelled.CASES,
]
