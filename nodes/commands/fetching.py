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
    from huggingface_hub import HfApi, hf_hub_download, snapshot_download
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        HFValidationError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
    )

    try:
        # A download tries again for half a minute where there is no network; this asks once.
        HfApi().model_info(repository, revision=revision)
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
    except HFValidationError as error:
        raise FetchError(f"{repository!r} is no name of a repository: {error}") from error
    except Exception as error:
        if isinstance(error, EntryNotFoundError) and not isinstance(error, LocalEntryNotFoundError):
            raise FetchError(f"{repository} has no such file: {_first_line(error)}") from error
        if not isinstance(error, (OSError, OfflineModeIsEnabled)) and not _of_transport(error):
            raise
        raise FetchError(
            f"the hub cannot be reached, so {repository} cannot be fetched: {_first_line(error)}. "
            "Fetch it on a machine with a network and put it in with `nodeflow models add`"
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def _of_transport(error: Exception) -> bool:
    """Whether the library beneath raised it, which is another one from version to version."""
    return type(error).__module__.partition(".")[0] in ("httpx", "httpx2", "requests", "urllib3")
