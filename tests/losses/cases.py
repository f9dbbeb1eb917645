"""Every joint loss with inputs that fit it: what the contracts run over."""

from tests.losses import cases_of_distributions

CASES = [*cases_of_distributions.CASES]
