"""DirectML is named by torch, so what is done in its place can be asked without one."""

from __future__ import annotations

import pytest
import torch

from nodes.diffusion.devices import capable, in_bfloat16


@pytest.mark.parametrize("name", ["cpu", "cuda", "cuda:1", "mps", "xpu"])
def test_capable_devices_are_themselves(name: str) -> None:
    assert capable(torch.device(name)) == torch.device(name)


def test_directml_s_work_goes_to_the_cpu() -> None:
    assert capable(torch.device("privateuseone:0")) == torch.device("cpu")


def test_products_are_bfloat16_where_torch_can_choose() -> None:
    x = torch.ones(2, 2)
    with in_bfloat16(torch.device("cpu")):
        assert (x @ x).dtype == torch.bfloat16
    with in_bfloat16(torch.device("privateuseone")):
        assert (x @ x).dtype == torch.float32
