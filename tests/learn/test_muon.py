"""Muon: against its definition by singular values, and beside PyTorch's."""

import numpy as np
import pytest
import torch

from mmgym.learn.muon import Muon, orthogonal
from mmgym.learn.optimizers import OptimizerConfig, make_optimizers
from mmgym_agents.tiny import TinyConfig, build_tiny_vlm

COEFFICIENTS = (3.4445, -4.7750, 2.0315)


@pytest.mark.parametrize("shape", [(5, 5), (3, 40), (40, 3)])
@pytest.mark.parametrize(("dtype", "near"), [(torch.float64, 1e-12), (torch.float32, 1e-5), (torch.bfloat16, 0.02)])
def test_the_iteration_turns_singular_values_alone(shape, dtype, near):
    matrix = np.random.default_rng(0).normal(size=shape)
    left, values, right = np.linalg.svd(matrix, full_matrices=False)
    values /= np.linalg.norm(values)
    for _ in range(3):
        values = sum(c * values**power for c, power in zip(COEFFICIENTS, (1, 3, 5), strict=True))
    found = orthogonal(torch.tensor(matrix), 3, COEFFICIENTS, 1e-7, dtype)
    assert found.dtype == dtype
    np.testing.assert_allclose(found.double().numpy(), left @ np.diag(values) @ right, atol=near)


def test_a_matrix_of_zeros_stays_one():
    assert not orthogonal(torch.zeros(3, 4), 3, COEFFICIENTS, 1e-7, torch.float32).any()


def test_it_goes_where_pytorchs_goes():
    """Which computes in bfloat16: steps are equal to that precision. A parameter without gradient stays."""
    generator = torch.Generator().manual_seed(0)
    starts = [torch.randn(*shape, generator=generator) for shape in ((8, 8), (32, 8), (8, 32), (4, 4))]
    ours, theirs = ([torch.nn.Parameter(start.clone()) for start in starts] for _ in range(2))
    optimizers = (
        Muon(ours, 0.02, 0.1, momentum=0.95, steps=3),
        torch.optim.Muon(theirs, 0.02, 0.1, 0.95, ns_steps=3, adjust_lr_fn="original"),
    )
    for _ in range(4):
        for pair in list(zip(ours, theirs, strict=True))[:3]:
            gradient = torch.randn(pair[0].shape, generator=generator)
            for parameter in pair:
                parameter.grad = gradient.clone()
        for optimizer in optimizers:
            optimizer.step()
    for start, our, their in zip(starts[:3], ours, theirs, strict=False):
        assert (our - their).norm() < 0.02 * (their - start).norm()
        assert (their - start).norm() > 0.1
    assert torch.equal(ours[3], starts[3])
    torch.testing.assert_close(optimizers[0].state_dict()["state"][1], optimizers[1].state_dict()["state"][1])


@pytest.mark.parametrize("family", ["qwen3_vl", "qwen2_5_vl", "smolvlm", "idefics3", "internvl", "gemma3"])
def test_it_takes_the_matrices_of_all_layers(family):
    model = build_tiny_vlm(TinyConfig(family=family)).model
    optimizers = make_optimizers(list(model.named_parameters()), OptimizerConfig("muon"))
    taken = {
        id(p) for optimizer in optimizers if isinstance(optimizer, Muon) for p in optimizer.param_groups[0]["params"]
    }
    stacks = [module for module in model.modules() if isinstance(module, torch.nn.ModuleList)]
    of_layers = {id(p) for stack in stacks for p in stack.parameters() if p.ndim == 2}
    assert of_layers and of_layers <= taken
    assert id(model.get_input_embeddings().weight) not in taken
