"""Tasks by name. A new one is a file in `lut2hw/learn/tasks/` and its name here."""

from __future__ import annotations

from lut2hw.choices import Task
from lut2hw.errors import UsageError
from lut2hw.learn.descent_options import DescentOptions
from lut2hw.learn.tasks import anomaly, classes, labels, numbers
from lut2hw.learn.tasks.base import LearningTask

TASKS: dict[Task, LearningTask] = {
    Task.CLASSIFICATION: classes.TASK,
    Task.REGRESSION: numbers.TASK,
    Task.MULTILABEL: labels.TASK,
    Task.ANOMALY: anomaly.TASK,
}


def check_options(task: Task, options: DescentOptions) -> None:
    """Raise `UsageError` for an option that has no effect on a task."""
    unheeded = {
        "--loss": options.loss is not None and task is not Task.REGRESSION,
        "--class-weight": options.class_weight is not None and task is not Task.CLASSIFICATION,
        "--tau": options.tau is not None and not TASKS[task].has_tau,
        "--augment": options.augment != "none" and task is Task.ANOMALY,
    }
    for name, given in unheeded.items():
        if given:
            raise UsageError(f"{name} has no effect on --task {task}; leave it out")
