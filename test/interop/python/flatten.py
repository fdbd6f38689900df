"""Names of the leaves of nested containers, as weighbridge names them."""

from __future__ import annotations

import numpy as np
import torch

from facts import of_numpy, of_torch


def flatten(value, name: str | None, facts: dict, of=of_torch) -> None:
    """`name` is None at the top, where keys are names; an empty key below it is kept. Adds the facts of every tensor, as `of` has them; anything else than tensors is left out."""
    if isinstance(value, torch.Tensor):
        facts[name or ""] = of(value)
    elif isinstance(value, np.ndarray):
        facts[name or ""] = of_numpy(value)
    elif isinstance(value, dict):
        for key, item in value.items():
            flatten(item, f"{name}.{key}" if name is not None else str(key), facts, of)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            flatten(item, f"{name}.{index}" if name is not None else str(index), facts, of)
