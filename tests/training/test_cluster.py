"""Trainings on a Dask cluster: the same bytes for any number of workers, whatever happens to them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import fast

pytest.importorskip("distributed")

from lut2hw import DescentClassifier
from lut2hw.cluster import Cluster, check_address, connect
from lut2hw.data import Dataset, load
from lut2hw.errors import Lut2hwError, UsageError
from lut2hw.learn.descent.schedule import Progress
from lut2hw.model.network import LutNetwork, to_bytes
from lut2hw.studies import sweep
from lut2hw.studies.evaluate import evaluate
from lut2hw.studies.reproduce.run import run
from lut2hw.training.options import TrainOptions
from lut2hw.training.train import train

OPTIONS = {
    "descent": TrainOptions.of("descent", luts=12, k=3, sweeps=2, tau=1.0, bits_per_feature=1),
    "deep": TrainOptions.of("descent", luts=24, votes=12, levels=2, sweeps=2, validation=0.2, bits_per_feature=2),
    "memorize": TrainOptions.of("memorize", layers=(30, 20), bits_per_feature=2),
}


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load("digits")


@pytest.fixture(scope="module")
def two() -> Iterator[Cluster]:
    with connect("local:2") as cluster:
        yield cluster


@pytest.fixture(scope="module")
def alone(digits: Dataset) -> Callable[[str], bytes]:
    return cache(lambda learner: to_bytes(train(digits, OPTIONS[learner]).network))


@pytest.mark.parametrize("learner", fast.first(["descent", "memorize"], OPTIONS))
def test_two_workers_give_the_same_bytes(digits: Dataset, two: Cluster, alone: Callable, learner: str) -> None:
    assert to_bytes(train(digits, OPTIONS[learner], client=two.client).network) == alone(learner)


def kill(cluster: Cluster) -> None:
    """End a worker at once, as the system does that has no memory left."""
    os.kill(sorted(cluster.client.run(os.getpid).values())[0], signal.SIGKILL)


def test_a_killed_worker_changes_no_byte(digits: Dataset, two: Cluster, alone: Callable) -> None:
    def watch(now: Progress) -> None:
        if now.sweep == 1:
            kill(two)

    trained = train(digits, OPTIONS["descent"], client=two, watch=watch)
    assert trained.ended == "done" and to_bytes(trained.network) == alone("descent")


@pytest.mark.parametrize(
    "asked",
    fast.first([{"bits_per_feature": (1, 2)}], [{"bits_per_feature": (1, 2)}, {"levels": "auto", "tau": "auto"}]),
)
def test_options_are_chosen_on_the_workers(digits: Dataset, two: Cluster, asked: dict) -> None:
    small = digits.training(np.arange(200))
    options = TrainOptions.of(
        "descent", **{"luts": 10, "k": 3, "sweeps": 1, "tau": 1.0, "bits_per_feature": 1, **asked}
    )
    here, there = train(small, options), train(small, options, client=two)
    assert here.tried == there.tried and to_bytes(here.network) == to_bytes(there.network)


@pytest.mark.slow
def test_a_sweep_and_answers_are_the_same(digits: Dataset, two: Cluster, tmp_path: Path) -> None:
    points = sweep.grid("descent", k=[2, 3], luts=[10], sweeps=[1], bits_per_feature=[1], tau=[1.0])
    rows = {}
    for name, client in (("here", None), ("there", two)):
        found = sweep.run(points, {"data": "digits"}, tmp_path / name, jobs=1, client=client)
        rows[name] = [{key: value for key, value in row.items() if key != "seconds"} for row in found]
    assert rows["here"] == rows["there"]
    models = [sorted((tmp_path / name / "points").glob("*.lut")) for name in rows]
    assert [path.read_bytes() for path in models[0]] == [path.read_bytes() for path in models[1]] and len(
        models[0]
    ) == 2
    network = LutNetwork.load(models[0][0])
    here, there = evaluate(network, digits), evaluate(network, digits, client=two.client)
    assert (here.scores == there.scores).all() and here.metrics == there.metrics


@pytest.mark.slow
def test_an_estimator_takes_a_client(digits: Dataset, two: Cluster) -> None:
    def fitted(**more: Any) -> bytes:
        model = DescentClassifier(luts=10, k=3, sweeps=1, tau=1.0, bits_per_feature=1, random_state=1)
        return to_bytes(model.fit(digits.x_train, digits.y_train, **more).network_)

    assert fitted(client=two.client) == fitted()


@pytest.mark.slow
def test_experiments_run_on_the_workers(two: Cluster, tmp_path: Path) -> None:
    rows = [
        run(["boundary"], tmp_path / name, True, client=client)[0]["rows"]
        for name, client in (("a", None), ("b", two))
    ]
    assert rows[0] == rows[1]


@pytest.mark.slow
@pytest.mark.parametrize("learner", OPTIONS)
@pytest.mark.parametrize("count", [1, 3, 5])
def test_any_number_of_workers_gives_the_same_bytes(
    digits: Dataset, alone: Callable, learner: str, count: int
) -> None:
    with connect(f"local:{count}") as cluster:
        assert to_bytes(train(digits, OPTIONS[learner], client=cluster).network) == alone(learner)


@pytest.mark.parametrize("text", ["local", "local:0", "local:x", "somewhere", "tcp://host", "host:port", ""])
def test_what_is_no_cluster_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no cluster; give the address"):
        check_address(text)


@pytest.mark.slow
def test_a_scheduler_that_ends_leaves_a_state_to_go_on_from(digits: Dataset, alone: Callable, tmp_path: Path) -> None:
    """With workers and scheduler in processes of their own."""
    file, state = tmp_path / "scheduler.json", tmp_path / "model.state"
    python = [sys.executable, "-m"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    where = ["--scheduler-file", str(file)]
    scheduler = subprocess.Popen(
        [*python, "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", *where],
        **quiet,
    )
    worker = [
        *python,
        "distributed.cli.dask_worker",
        "--no-dashboard",
        "--nthreads",
        "1",
        "--host",
        "127.0.0.1",
        *where,
    ]
    workers = [subprocess.Popen([*worker, "--death-timeout", "60"], **quiet) for _ in range(2)]
    try:
        for _ in range(600):
            if file.exists() and file.read_text().endswith("}"):
                break
            time.sleep(0.1)
        address = json.loads(file.read_text())["address"]

        def watch(now: Progress) -> None:
            if now.sweep == 2:
                scheduler.kill()
                for each in workers:
                    each.kill()

        with pytest.raises(Lut2hwError, match="scheduler") as caught, connect(address) as cluster:
            train(digits, OPTIONS["deep"], client=cluster, watch=watch, state=state)
        assert "\n" not in str(caught.value) and state.exists()
    finally:
        for each in (*workers, scheduler):
            each.kill()
            each.wait()
    assert to_bytes(train(digits, OPTIONS["deep"], state=state, resume=True).network) == alone("deep")
    assert not state.exists()


@pytest.mark.slow
def test_a_scheduler_that_is_not_there_is_told_in_one_line() -> None:
    with pytest.raises(Lut2hwError, match=r"no cluster at 127\.0\.0\.1:9 ") as caught, connect("127.0.0.1:9"):
        pass
    assert "\n" not in str(caught.value)
