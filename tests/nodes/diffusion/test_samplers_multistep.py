"""The weights below the sampler steps."""

from __future__ import annotations

import pytest

from nodes.diffusion import samplers_multistep


@pytest.mark.parametrize("nodes", [[3.0], [3.0, 4.0], [3.0, 4.0, 6.0], [3.0, 4.0, 6.0, 9.0]])
def test_multistep_weights_integrate_polynomials_exactly(nodes: list[float]) -> None:
    weights = samplers_multistep.multistep_weights(nodes, 3.0, 2.0)
    for degree in range(len(nodes)):
        exact = (2.0 ** (degree + 1) - 3.0 ** (degree + 1)) / (degree + 1)
        got = sum(w * node**degree for w, node in zip(weights, nodes, strict=True))
        assert got == pytest.approx(exact, rel=1e-9)
