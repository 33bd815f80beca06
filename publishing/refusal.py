"""Why a release was not published, said so that the next step is known."""

from __future__ import annotations


class ReleaseError(RuntimeError):
    """A release was left as it was: `cause` says what stood in the way, `next_step` what to do."""

    def __init__(self, cause: str, next_step: str) -> None:
        super().__init__(f"{cause}. Next: {next_step}")
        self.cause = cause
        self.next_step = next_step


class PublishRefused(ReleaseError):
    """Nothing was written: build, gates, sources or machine do not permit a release."""


class PublishFailed(ReleaseError):
    """Writing broke off; what was staged is removed and `current` stands where it stood."""


class RollbackRefused(ReleaseError):
    """`current` stays where it is: the release asked for is missing, damaged or already current."""


class ManifestError(ReleaseError):
    """A release folder and its manifest disagree, or the manifest cannot be read."""
