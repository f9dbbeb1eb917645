"""`GradientBalancer`: task gradients meet at shared features, and one is passed on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss._checks import check_config, check_count, check_keys
from keras_multiloss._container_checks import check_is_list
from keras_multiloss._messages import error, unknown_name
from keras_multiloss._platform import (
    add_counter,
    fan_out,
    in_structure_of,
    keras,
    leaves_of,
    not_converted,
    ops,
    sum_over_replicas,
)
from keras_multiloss._saving import deserialize, serializable, serialize
from keras_multiloss.aggregation import Aggregator, checked_aggregator
from keras_multiloss.aggregation._jacobian_blocks import combine_blocks, stacked_gradients

if TYPE_CHECKING:
    from collections.abc import Sequence


@serializable
class GradientBalancer(keras.layers.Layer):
    r"""Shared features for several tasks, whose gradients it balances in the backward pass.

    Forward, each task gets a copy of the features. Backward, the layer receives the gradient
    $g_t$ of the total loss at each copy and passes on their combination

    $$d = \sum_t w_t(G)\, g_t,\quad G_{st} = \langle g_s, g_t \rangle$$

    in place of their sum. All that lies before the layer is trained by $d$, the heads by
    their own gradients, in one backward pass of plain `fit`. The gradients are those of the
    whole batch at the features; under `tf.distribute` the Gramian is summed over the
    replicas, which is that of the global batch. In inference the layer does nothing, and
    `strip_losses` removes it.

    A rule that takes a mean (most do, such as `"upgrad"`) gives the part before the layer a
    gradient $T$ times smaller than training on the sum would. With Adam and similar optimizers
    that makes no difference.

    Args:
        tasks: different names of the tasks, the keys of the result.
        aggregator: a rule of `kml.aggregation`, or its name; one that keeps no state from step to
            step. Each rule names its paper.
        preference: positive priorities of some tasks by name, 1 for the others; for a rule that
            takes them.
        every_n_steps: balance in every n-th training step, 1 or more; in between the gradients
            are added up, scaled as the rule scales gradients that agree.
        name: name of the layer.
        **kwargs: as for every Keras layer.

    Shape:
        - features: a tensor of any shape, or a list or dict of tensors, which then have one
          Gramian together.
        - result: a dict from each task to a copy of `features`, in the same structure.

    Raises:
        ValueError: if tasks share a name, a priority names none of them, or the rule takes no
            priorities.
        TypeError: if the rule keeps state; `MultiLossModel.compile(aggregator=...)` takes such
            rules.

    Example:
        >>> import keras
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> x = keras.Input((3,))
        >>> features = keras.layers.Dense(8, activation="relu")(x)
        >>> shared = kml.GradientBalancer(["age", "sex"], aggregator="upgrad")(features)
        >>> age = keras.layers.Dense(1, name="age")(shared["age"])
        >>> sex = keras.layers.Dense(1, activation="sigmoid", name="sex")(shared["sex"])
        >>> model = keras.Model(x, {"age": age, "sex": sex})
        >>> model.compile("adam", loss={"age": "mse", "sex": "binary_crossentropy"})
        >>> history = model.fit(np.ones((4, 3)), {"age": np.ones((4, 1)), "sex": np.ones((4, 1))},
        ...                     verbose=0)
        >>> len(history.history["loss"])
        1

    References:
        Sener and Koltun, "Multi-task learning as multi-objective optimization", NeurIPS 2018
        (gradients with respect to shared features in place of parameters).
        Chen et al., "Just pick a sign: Optimizing deep multitask models with gradient sign
        dropout", NeurIPS 2020 (a layer that combines task gradients).
    """

    def __init__(
        self,
        tasks: Sequence[str],
        aggregator: Aggregator | str = "upgrad",
        *,
        preference: dict[str, float] | None = None,
        every_n_steps: int = 1,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.tasks = _checked_tasks(tasks)
        self.aggregator = _rule_without_state(aggregator)
        self.preference = None if preference is None else dict(preference)
        self.every_n_steps = check_count("GradientBalancer", "every_n_steps", every_n_steps)
        self.supports_masking = True
        self.step = add_counter(self, "step")
        self._rule = self._preferring()
        self._scale = _scale_of_agreement(self._rule, len(self.tasks))
        self.built = True

    def _preferring(self) -> Aggregator:
        """The rule with the priorities in the order of the tasks."""
        if self.preference is None:
            return self.aggregator
        config = self.aggregator.get_config()
        if "preference" not in config:
            raise error(
                ValueError,
                "GradientBalancer",
                "the rule does not take priorities",
                expected="a rule with `preference`, such as 'upgrad'",
                received=repr(self.aggregator),
            )
        for task in self.preference:
            if task not in self.tasks:
                problem = "`preference` names a task that is not there"
                raise unknown_name("GradientBalancer", problem, task, self.tasks)
        config["preference"] = [self.preference.get(task, 1.0) for task in self.tasks]
        return type(self.aggregator).from_config(config)

    @not_converted
    def call(self, features: Any, training: bool | None = None) -> Any:
        if not training:
            return self.without_balance(features)
        tensors = leaves_of(features)
        step = ops.cast(self.step + 0, "float32")
        copies = fan_out(tensors, len(self.tasks), step, self._joined)
        self.step.assign(self.step + 1)
        return {
            task: in_structure_of(features, copy)
            for task, copy in zip(self.tasks, copies, strict=True)
        }

    def without_balance(self, features: Any) -> dict[str, Any]:
        """The same features for each task."""
        return dict.fromkeys(self.tasks, features)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:  # noqa: ARG002 (of the interface)
        return None if mask is None else dict.fromkeys(self.tasks, mask)

    def _joined(self, step: Any, upstream: list[list[Any]]) -> list[Any]:
        """The gradient of each tensor, from its gradients in each task."""
        state = {"step": ops.cast(step, "int32")}
        blocks = [stacked_gradients(gradients) for gradients in zip(*upstream, strict=True)]
        joined, _ = combine_blocks(self._rule, blocks, state, total=sum_over_replicas)
        if self.every_n_steps > 1:
            is_turn = ops.equal(state["step"] % self.every_n_steps, 0)
            added = [self._scale * ops.sum(block, axis=0) for block in blocks]
            joined = [ops.where(is_turn, d, a) for d, a in zip(joined, added, strict=True)]
        return [
            ops.cast(ops.reshape(d, ops.shape(like)), like.dtype)
            for d, like in zip(joined, upstream[0], strict=True)
        ]

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "tasks": list(self.tasks),
            "aggregator": serialize(self.aggregator),
            "preference": None if self.preference is None else dict(self.preference),
            "every_n_steps": self.every_n_steps,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> GradientBalancer:
        own = ("tasks", "aggregator", "preference", "every_n_steps")
        config = check_config(cls, config, [*config], required=own)
        rule = deserialize("GradientBalancer: `aggregator`", config["aggregator"], None)
        return cls(**{**config, "aggregator": rule})


def _scale_of_agreement(rule: Aggregator, n_tasks: int) -> float:
    """What a rule makes of gradients that agree, as a share of their sum."""
    ones = ops.ones((n_tasks, 1))
    return float(ops.convert_to_numpy(rule(ones))[0]) / n_tasks


def _checked_tasks(tasks: Any) -> list[str]:
    names = check_keys(
        "GradientBalancer", "tasks", check_is_list("GradientBalancer", "tasks", tasks)
    )
    if len(set(names)) != len(names):
        raise error(
            ValueError,
            "GradientBalancer",
            "tasks share a name",
            expected="a different name for each task",
            received=repr(names),
        )
    return names


def _rule_without_state(aggregator: Any) -> Aggregator:
    rule = checked_aggregator("GradientBalancer", "aggregator", aggregator)
    if rule.has_state or rule.needs_losses:
        raise error(
            TypeError,
            "GradientBalancer",
            "the rule keeps state, for which a backward pass has no place",
            expected="a rule without state, such as 'upgrad'",
            received=repr(rule),
            hint="MultiLossModel.compile(loss=..., aggregator=...) takes every rule",
        )
    return rule
