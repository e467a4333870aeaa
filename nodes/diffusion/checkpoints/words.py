"""What a LoRA or an embedding answers to, as its file's header tells. Imports no torch."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping


def trigger_words(metadata: Mapping[str, str], most: int = 10) -> tuple[str, ...]:
    """The words that a file names as such, or else the most frequent tags of the captions that it
    was trained on, as kohya's trainer counts them."""
    named = metadata.get("modelspec.trigger_phrase", "")
    if named:
        return tuple(word.strip() for word in named.split(",") if word.strip())
    try:
        folders = json.loads(metadata.get("ss_tag_frequency", "{}"))
    except ValueError:
        return ()
    tags: Counter[str] = Counter()
    for counts in folders.values() if isinstance(folders, dict) else ():
        if isinstance(counts, dict):
            tags.update({str(tag).strip(): int(count) for tag, count in counts.items()})
    return tuple(tag for tag, _ in tags.most_common(most))
