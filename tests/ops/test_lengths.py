"""Lengths, directions and precision: values against numpy, derivatives at zero, squares that do not overflow."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from equilayers import ops

SCALES = [1e-15, 1e-7, 1e-3, 1.0, 1e3, 1e7, 1e15]


def drawn(scale, dtype=torch.float64):
    return scale * torch.randn(4, 3, 5, dtype=dtype, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("dim", [0, -2, -1])
def test_a_length_is_that_of_numpy(scale, dim):
    x = drawn(scale)
    for keepdim in (True, False):
        expected = np.linalg.norm(x.numpy(), axis=dim, keepdims=keepdim)
        assert np.allclose(ops.norm(x, dim, keepdim).numpy(), expected, rtol=1e-14, atol=0)
        single = ops.norm(x.float(), dim, keepdim).numpy()
        assert single.dtype == np.float32 and np.allclose(single, expected, rtol=1e-6, atol=0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("scale", [1e-4, 1.0, 300.0])
def test_half_precision_holds_lengths_whose_squares_it_does_not(dtype, scale):
    x = drawn(scale).to(dtype).requires_grad_()
    found = ops.norm(x, -2)
    assert found.dtype == dtype
    expected = np.linalg.norm(x.detach().double().numpy(), axis=-2)
    assert np.allclose(found.detach().double().numpy(), expected, rtol=1e-2, atol=1e-7)
    found.sum().backward()
    assert np.allclose(x.grad.double().numpy(), x.detach().double().numpy() / expected[:, None], atol=2e-2)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("tiny", [0.0, 1e-300, 1e-45, 1e-25, 1e-20])
def test_all_derivatives_at_nothing_are_zero(dtype, tiny):
    x = torch.full((3,), tiny, dtype=dtype)

    def third(x):
        return torch.func.jacfwd(torch.func.hessian(lambda x: ops.norm(x, 0)))(x)

    def twice(x):
        return torch.autograd.functional.hessian(lambda x: ops.norm(x, 0), x)

    def length(x):
        return ops.norm(x, 0)

    for order in (torch.func.grad(length), torch.func.hessian(length), twice, third):
        assert not order(x).any()
    assert not torch.func.jacrev(lambda x: ops.direction(x, 0))(x).any()


@pytest.mark.parametrize("small", [1.1e-19, 1e-18, 1e-10])
def test_what_is_just_longer_has_finite_ones(small):
    x = torch.full((3,), small)
    for function in (torch.func.grad, torch.func.hessian):
        assert function(lambda x: ops.norm(x, 0))(x).isfinite().all()


def test_the_naive_length_has_none():
    x = torch.zeros(3)
    assert torch.autograd.functional.hessian(torch.linalg.vector_norm, x).isnan().any()


def test_a_direction_is_a_unit_vector_or_nothing():
    x = drawn(1.0)
    assert torch.allclose(ops.direction(x, -2), x / x.norm(dim=-2, keepdim=True), rtol=1e-14)
    assert torch.autograd.gradgradcheck(lambda x: ops.direction(x, -2), x.requires_grad_(), fast_mode=True)
    noise = torch.full((3,), 1e-17, dtype=torch.float64, requires_grad=True)
    assert not ops.direction(noise, 0).any()
    assert torch.autograd.gradcheck(lambda x: ops.direction(x, 0), noise)  # constant near zero


def test_squares_are_made_in_single_precision():
    x = torch.tensor([300.0, 1e-4], dtype=torch.float16)
    assert x.square().tolist() == [float("inf"), 0.0]
    assert ops.widened(x).square().isfinite().all() and ops.widened(x).square().all()
    assert ops.widened(x.double()).dtype == torch.float64
    traced = torch.fx.symbolic_trace(lambda x: ops.widened(x).square())
    for dtype, wide in ((torch.float16, torch.float32), (torch.float32, torch.float32), (torch.float64, torch.float64)):
        assert traced(x.to(dtype)).dtype == wide
