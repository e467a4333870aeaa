"""A clone shares weights and nothing else."""

from __future__ import annotations

import torch
from torch import nn

from nodes.diffusion.cloning import clone_modules


def network() -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1)).eval()


def test_clone_modules_shares_every_tensor() -> None:
    base = network()
    clone = clone_modules(base)
    ours, theirs = dict(base.state_dict(keep_vars=True)), dict(clone.state_dict(keep_vars=True))
    assert list(ours) == list(theirs)
    assert all(ours[name] is theirs[name] for name in ours)


def test_clone_modules_leaves_the_base_as_it_is_when_the_clone_changes() -> None:
    base = network()
    picture = torch.ones(1, 3, 2, 2)
    before = base(picture)
    clone = clone_modules(base)
    clone[2] = nn.Identity()
    clone[0].register_forward_hook(lambda module, args, output: 2 * output)
    torch.testing.assert_close(base(picture), before, rtol=0, atol=0)
    assert clone(picture).shape == (1, 4, 2, 2)
    torch.testing.assert_close(clone_modules(base)(picture), before, rtol=0, atol=0)
