"""What the DAGs share: how a failed task is tried again, and who waits for whom."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import RetryDecision, RetryPolicy

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.sdk.types import DagRunProtocol, RuntimeTaskInstanceProtocol


class RetryUnlessGateClosed(RetryPolicy):
    """A closed gate fails the task at once; everything else is tried again as the DAG says.

    A gate reads the same rows at every attempt and stays closed until somebody decides
    (`rapport deliveries`). A lock, a half-copied file or a full disk may be gone by the next one.
    """

    def evaluate(
        self,
        exception: BaseException,
        try_number: int,
        max_tries: int,
        context: Context | None = None,
    ) -> RetryDecision:
        """Fail for expectations.gate.GateClosed, else the task's own retries."""
        # Imported here, in the worker: a DAG file is parsed without the gates' libraries.
        from expectations.gate import GateClosed

        if isinstance(exception, GateClosed):
            return RetryDecision.fail("a closed gate stays closed until a delivery is decided on")
        return RetryDecision.default()

    def serialize(self) -> dict[str, Any]:
        """Nothing to keep: the policy has no settings."""
        return {}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> RetryPolicy:
        """The policy again, from what `serialize` gave."""
        return cls()


# Attempts after 30 s, 1 min and 2 min more: a file still being copied, or a warehouse that somebody
# has opened, is free by then; whatever lasts longer needs a person. The timeout ends a step that
# hangs; it says nothing about speed.
TASK_DEFAULTS: dict[str, Any] = {
    "owner": "data_engineering",
    "retries": 3,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": 2,
    "retry_policy": RetryUnlessGateClosed(),
    "execution_timeout": timedelta(hours=1),
}


def no_run_of(dag_ids: Sequence[str], task_instance: RuntimeTaskInstanceProtocol) -> bool:
    """Is no run of these DAGs going on just now?

    `queued` does not count: a run of a paused DAG stays queued for as long as the DAG is paused.
    """
    return all(
        task_instance.get_dr_count(dag_id=dag_id, states=["running"]) == 0 for dag_id in dag_ids
    )


def started_at(dag_run: DagRunProtocol) -> datetime:
    """When this run started, in naive UTC: the `now` of every step, the same at each attempt.

    Raises ValueError for a run that has not started.
    """
    start = dag_run.start_date
    if start is None:
        raise ValueError(
            f"run {dag_run.run_id} of {dag_run.dag_id} has not started: start it first"
        )
    return datetime.fromisoformat(start.isoformat()).astimezone(UTC).replace(tzinfo=None)
