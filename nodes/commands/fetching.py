"""Fetching models from the Hugging Face hub, through its own library."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

_UNWANTED = ["*.bin", "*.ckpt", "*.pt", "*.pth", "*.msgpack", "*.h5", "*.onnx*", "*.ot"]


class FetchError(RuntimeError):
    """Nothing could be fetched, and why."""


def pull(repository: str, files: Sequence[str], revision: str, folder: Path) -> Iterator[Path]:
    """Fetch files of a repository into `folder`, or all of it into a folder of its name.

    Progress is shown on standard error. What was fetched before is not fetched again, and a file
    that broke off goes on where it stopped. Pickles are left out of a whole repository.

    Raises:
        FetchError: no network, no such repository or file, or no right to it.
    """
    from huggingface_hub import hf_hub_download, snapshot_download
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        HFValidationError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
    )

    try:
        if not files:
            name = repository.rpartition("/")[2]
            yield Path(
                snapshot_download(
                    repository,
                    revision=revision,
                    local_dir=folder / name,
                    ignore_patterns=_UNWANTED,
                )
            )
        for file in files:
            yield Path(hf_hub_download(repository, file, revision=revision, local_dir=folder))
    except GatedRepoError as error:
        raise FetchError(
            f"{repository} is given to those who agreed to its terms: agree on its page, then "
            "log in with `hf auth login`"
        ) from error
    except RepositoryNotFoundError as error:
        raise FetchError(
            f"there is no repository {repository}, or it is private: log in with `hf auth login`"
        ) from error
    except (LocalEntryNotFoundError, OfflineModeIsEnabled, OSError) as error:
        if isinstance(error, EntryNotFoundError) and not isinstance(error, LocalEntryNotFoundError):
            raise FetchError(f"{repository} has no such file: {error}") from error
        raise FetchError(
            f"the hub cannot be reached, so {repository} cannot be fetched: {_first_line(error)}. "
            "Fetch it on a machine with a network and put it in with `nodeflow models add`"
        ) from error
    except HFValidationError as error:
        raise FetchError(f"{repository!r} is no name of a repository: {error}") from error
    except EntryNotFoundError as error:
        raise FetchError(f"{repository} has no such file: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
