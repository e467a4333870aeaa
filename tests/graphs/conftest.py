"""What the tests of example graphs share."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder of few-channel networks that have learnt nothing."""
    from nodes.diffusion.training.autoencoder import new_autoencoder
    from nodes.diffusion.training.denoiser import new_unet
    from nodes.diffusion.training.export import save_checkpoint
    from nodes.diffusion.training.text_image import new_text_encoder
    from nodes.model_files import shipped_models

    folder = tmp_path_factory.mktemp("untrained")
    save_checkpoint(
        folder,
        new_autoencoder((8, 8, 8, 16)),
        new_text_encoder(16, 1),
        new_unet((16, 16, 32), cross=16),
        shipped_models() / "tiny" / "tokenizer",
    )
    return str(folder)
