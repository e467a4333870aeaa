"""What steers a model that was trained on labels in the place of texts."""

from __future__ import annotations

from typing import Annotated

from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Number
from nodes.types import Conditioning, Model


@node("class_label.of")
def of(model: Model, label: Annotated[int, Number(0, 100_000, step=1)] = 0) -> Conditioning:
    """Ask a class-conditional model for one kind of thing by its number.

    DiT was trained on ImageNet's 1000 classes, 0..999 (207 is a golden retriever, 417 a balloon):
    Peebles & Xie 2022, arXiv 2212.09748. There is no text: the embeddings are empty.
    """
    import torch

    from nodes.diffusion.networks import label_count

    count = label_count(model.network)
    if count == 0:
        raise InputError("model", f"a model of family {model.family}", "one that knows labels")
    if not 0 <= label < count:
        raise InputError("label", str(label), f"0..{count - 1}", f"The model knows {count} labels")
    return _nothing().with_extra("class_labels", torch.tensor([label]))


@node("class_label.none")
def none() -> Conditioning:
    """No label at all: what guidance pushes a class-conditional model away from.

    The model learnt a label of its own for it, by leaving out a tenth of the labels: Ho & Salimans
    2022, arXiv 2207.12598, section 3.2.
    """
    return _nothing()


def _nothing() -> Conditioning:
    import torch

    return Conditioning(torch.zeros(1, 1, 1))
