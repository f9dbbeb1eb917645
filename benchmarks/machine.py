"""Where results come from: the machine, its accelerator, and what is installed."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path

#: What has a say in how long a step takes.
PACKAGES = (
    "keras",
    "tensorflow",
    "tensorflow-cpu",
    "jax",
    "torch",
    "numpy",
    "tensorflow-addons",
    "torchjd",
)


def machine() -> dict[str, str]:
    """Processor, cores, memory and system, as text."""
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GB",
        "system": f"{platform.system()} {platform.machine()}",
    }


def _processor() -> str:
    """What Linux calls it; elsewhere what Python does."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def versions() -> dict[str, str]:
    """Of Python and of the packages of this lane."""
    installed = importlib.metadata.distributions()
    there = {found.name.lower().replace("_", "-"): found.version for found in installed}
    packages = {package: there[package] for package in PACKAGES if package in there}
    return {"python": platform.python_version(), **packages}


def accelerator() -> str | None:
    """The GPU that the backend computes on, by name, or `None`."""
    import keras

    backend = getattr(keras.backend, "backend", lambda: "tensorflow")()
    return GPUS[backend]()


def _gpu_of_tensorflow() -> str | None:
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return None
    return tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU")


def _gpu_of_jax() -> str | None:
    import jax

    gpus = [device for device in jax.devices() if device.platform == "gpu"]
    return gpus[0].device_kind if gpus else None


def _gpu_of_torch() -> str | None:
    import torch

    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else None


GPUS = {"tensorflow": _gpu_of_tensorflow, "jax": _gpu_of_jax, "torch": _gpu_of_torch}
