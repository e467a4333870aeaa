"""What a traced run shows of attention: where, in each layer that reads the prompt, the picture
listens to each of its tokens. Found by the entry points `nodeflow.watchers`; torch is imported when
a node is about to run that has a text to ask a network under.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nodes.diffusion.watching import Ear
    from nodes.types import Conditioning


class AttentionWatch:
    """Listens while one run's nodes ask their networks.

    Each tensor that it gives is [B, tokens, h, w], the mean over a layer's heads of the probability
    that each place gives to each token, at the layer's own resolution, in float16; its part is
    `PROMPT:LAYER`, PROMPT being the port that the text came by.
    """

    def __init__(self) -> None:
        self._ear: Ear | None = None

    def begin(self, arguments: Mapping[str, Any], listen: bool) -> None:
        """A node is about to run with these."""
        texts = list(_texts(arguments))
        if not texts:
            if self._ear is not None:
                self.close()
            return
        from nodes.diffusion.watching import EAR, Ear, key_of

        names: dict[int, str] = {}
        for name, text in texts:
            names.setdefault(key_of(text), name)
        self._ear = Ear(names)
        self._ear.open = listen
        EAR.set(self._ear)

    def listen(self, on: bool) -> None:
        """Whether what the node does next is to be heard."""
        if self._ear is not None:
            self._ear.open = on

    def take(self) -> tuple[list[tuple[str, Any]], str]:
        """What was heard since, by part; and why there is nothing, if the network has none."""
        if self._ear is None:
            return [], ""
        heard = [(f"{name}:{layer}", maps) for name, layer, maps in self._ear.take()]
        kind, self._ear.without = self._ear.without, ""
        return heard, f"{kind} has no cross-attention to a text" if kind else ""

    def close(self) -> None:
        """Listen no more."""
        if self._ear is not None:
            from nodes.diffusion.watching import EAR

            EAR.set(None)
            self._ear = None


def _texts(arguments: Mapping[str, Any]) -> Iterator[tuple[str, Conditioning]]:
    """The texts in a node's arguments, by port; of several joined ones `port 1`, `port 2` …"""
    from nodes.types import Conditioning, Guider

    for port, value in arguments.items():
        given = value.texts if isinstance(value, Guider) else ((port, value),)
        for name, text in given:
            if not isinstance(text, Conditioning):
                continue
            every = (text, *text.more)
            for number, one in enumerate(every, start=1):
                yield (f"{name} {number}" if len(every) > 1 else name), one
