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
    try:
        yield from _fetched(repository, files, revision, folder)
    except Exception as error:
        told = _what_is_wrong(repository, error)
        if not told:
            raise
        raise FetchError(told) from error


def _fetched(repository: str, files: Sequence[str], revision: str, folder: Path) -> Iterator[Path]:
    from huggingface_hub import HfApi, hf_hub_download, snapshot_download

    # A download tries again for half a minute where there is no network; this asks once.
    HfApi().model_info(repository, revision=revision)
    if not files:
        place = folder / repository.rpartition("/")[2]
        yield Path(
            snapshot_download(
                repository, revision=revision, local_dir=place, ignore_patterns=_UNWANTED
            )
        )
    for file in files:
        yield Path(hf_hub_download(repository, file, revision=revision, local_dir=folder))


def _what_is_wrong(repository: str, error: Exception) -> str:
    """A fault of fetching in words; "" for one that is not of fetching."""
    from huggingface_hub import errors

    if isinstance(error, errors.GatedRepoError):
        return (
            f"{repository} is given to those who agreed to its terms: agree on its page, then "
            "log in with `hf auth login`"
        )
    if isinstance(error, errors.RepositoryNotFoundError):
        return f"there is no repository {repository}, or it is private: log in with `hf auth login`"
    if isinstance(error, errors.HFValidationError):
        return f"{repository!r} is no name of a repository: {error}"
    here = isinstance(error, errors.LocalEntryNotFoundError)
    if isinstance(error, errors.EntryNotFoundError) and not here:
        return f"{repository} has no such file: {_first_line(error)}"
    if isinstance(error, (OSError, errors.OfflineModeIsEnabled)) or _of_transport(error):
        return (
            f"the hub cannot be reached, so {repository} cannot be fetched: {_first_line(error)}. "
            "Fetch it on a machine with a network and put it in with `nodeflow models add`"
        )
    return ""


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def _of_transport(error: Exception) -> bool:
    """Whether the library beneath raised it, which is another one from version to version."""
    return type(error).__module__.partition(".")[0] in ("httpx", "httpx2", "requests", "urllib3")
