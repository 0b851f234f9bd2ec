"""One seeded generator for every test, and one thread: two that wait for each other on busy cores take far longer."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings
from threadpoolctl import threadpool_limits

settings.register_profile(
    "equilayers", derandomize=True, deadline=None, max_examples=25, suppress_health_check=list(HealthCheck)
)
settings.load_profile("equilayers")
torch.set_num_threads(1)
threadpool_limits(1)  # numpy's linear algebra


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(20)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20)
