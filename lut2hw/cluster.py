"""A Dask cluster as a place for shards, and for tasks that have nothing to do with each other.

Shards are actors: they stay on their workers, which answer sums of integers. A worker that is lost takes its shards
with it; they are made again from the data, brought to where the training is, and asked again, so that a result is
the same whatever happens to workers.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import re
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from typing import Any, TypeVar

from lut2hw import extras
from lut2hw.errors import Lut2hwError, UsageError
from lut2hw.shards import Call, Recipe, Shards

T = TypeVar("T")
_POLL = 5.0  # seconds after which it is looked whether a worker that does not answer is still there
_PATIENCE = 60.0  # seconds that a cluster without workers may take to get one
_RECONNECT = 10.0  # seconds that a scheduler may be away
_TRIES = 8  # times that a shard may be lost in one question


class Lost(Exception):
    """A worker, or what it held, is gone."""


class Host:
    """A shard on a worker: what Dask calls an actor."""

    def __init__(self) -> None:
        self.shard: Any = None
        self.threads = 1

    def build(self, recipe: bytes) -> None:
        """Make the shard."""
        from distributed import get_worker

        self.threads = max(1, get_worker().state.nthreads)
        with self._using():
            self.shard = pickle.loads(recipe)(self.threads)

    def run(self, calls: Sequence[bytes]) -> tuple[Exception | None, Any]:
        """Call methods of the shard; what went wrong, and the answer of the last."""
        answer = None
        try:
            with self._using():
                for call in calls:
                    method, arguments = pickle.loads(call)
                    answer = getattr(self.shard, method)(*arguments)
        except Exception as error:
            return error, None
        return None, answer

    @contextlib.contextmanager
    def _using(self) -> Iterator[None]:
        """Kernels on the worker's threads."""
        import numba

        from lut2hw.kernels.threads import alone

        numba.set_num_threads(min(self.threads, numba.config.NUMBA_NUM_THREADS))  # type: ignore[attr-defined]
        with alone(self.threads == 1):
            yield


class Remote:
    """Shards on the workers of a cluster.

    Parameters
    ----------
    cluster : Cluster
        Whose workers take them in turn.
    recipes : Sequence[Callable[[], Recipe]]
        Of each shard.
    """

    def __init__(self, cluster: Cluster, recipes: Sequence[Callable[[], Recipe]]) -> None:
        self.cluster, self.recipes = cluster, recipes
        self.state: Callable[[], list[Call]] = list
        self.waiting: list[bytes] = []
        self.hosts: list[tuple[Any, str] | None] = [None] * len(recipes)
        self.rounds = self.sent = self.received = 0
        self._answers([])

    def tell(self, method: str, *arguments: Any) -> None:
        """As of `Shards`; it goes with the next question."""
        self.waiting.append(pickle.dumps((method, arguments)))

    def ask(self, method: str, *arguments: Any) -> Sequence[Any]:
        """As of `Shards`."""
        question = pickle.dumps((method, arguments))
        answers = self._answers([question])
        self.waiting.clear()
        return answers

    def keep(self, state: Callable[[], list[Call]]) -> None:
        """As of `Shards`."""
        self.state = state

    def close(self) -> None:
        """As of `Shards`."""
        self.hosts = [None] * len(self.recipes)

    def _answers(self, question: list[bytes]) -> list[Any]:
        """The answers of all shards, those that are lost made again."""
        answers: list[Any] = [None] * len(self.recipes)
        todo, tries = list(range(len(self.recipes))), 0
        while todo:
            asked = []
            for i in todo:
                host = self.hosts[i]
                asked.append((i, self._begin(i, question) if host is None else self._run(host, question)))
            todo = []
            for i, answer in asked:
                try:
                    answers[i] = answer()
                except Lost as why:
                    self.hosts[i] = None
                    todo.append(i)
                    reason = str(why)
            if todo:
                tries += 1
                if tries >= _TRIES:
                    raise Lut2hwError(
                        f"a shard was lost {tries} times, the last time with: {reason}; give its worker more memory, "
                        "or take more workers"
                    )
        self.rounds += 1
        return answers

    def _run(self, host: tuple[Any, str], question: list[bytes]) -> Callable[[], Any]:
        calls = [*self.waiting, *question]
        self.sent += sum(map(len, calls))
        try:
            future = host[0].run(calls)
        except (RuntimeError, OSError, ValueError) as error:
            return _raise(Lost(str(error)))
        return lambda: _unwrap(self._result(future, host[1]))

    def _begin(self, i: int, question: list[bytes]) -> Callable[[], Any]:
        """Make a shard anew, and bring it to where the others are."""
        address = self.cluster.pick([host[1] for host in self.hosts if host is not None])
        recipe = pickle.dumps(self.recipes[i]())
        self.sent += len(recipe)
        calls = [pickle.dumps(call) for call in self.state()]
        try:
            actor = self.cluster.actor(address)
            self.hosts[i] = actor, address
            built = actor.build(recipe)
        except (RuntimeError, OSError, ValueError, TimeoutError) as error:
            return _raise(Lost(str(error)))

        def wait() -> Any:
            self._result(built, address)
            try:
                future = actor.run([*calls, *question])
            except (RuntimeError, OSError, ValueError) as error:
                raise Lost(str(error)) from error
            return _unwrap(self._result(future, address))

        return wait

    def _result(self, future: Any, address: str) -> Any:
        """Wait for the answer of an actor on a worker for as long as that one is there."""
        while True:
            try:
                return future.result(timeout=_POLL)
            except TimeoutError:
                if address not in self.cluster.workers():
                    raise Lost(f"worker {address} is gone") from None
            except MemoryError as error:
                raise Lost(f"worker {address} is out of memory") from error
            except (OSError, RuntimeError, KeyError) as error:
                raise Lost(f"worker {address} does not answer ({error})") from error


def _raise(error: Exception) -> Callable[[], Any]:
    def fail() -> Any:
        raise error

    return fail


def _unwrap(answer: tuple[Exception | None, Any]) -> Any:
    error, value = answer
    if isinstance(error, MemoryError):
        raise Lost("out of memory")
    if error is not None:
        raise error
    return value


class Cluster:
    """A Dask client as a place for shards and tasks.

    Parameters
    ----------
    client : distributed.Client
        Connected; it is not closed.

    Raises
    ------
    Lut2hwError
        If it has no workers, or they have another version of this package.
    """

    def __init__(self, client: Any) -> None:
        self.client = client
        self._wait()
        self.count = len(self.workers())
        self._check()

    @property
    def dashboard(self) -> str:
        """Address of the page that shows what workers do."""
        return str(self.client.dashboard_link or "")

    def workers(self) -> list[str]:
        """Addresses of the workers that are there."""
        deadline = time.monotonic() + _RECONNECT
        while self.client.status != "running":
            if self.client.status == "closed" or time.monotonic() > deadline:
                raise Lut2hwError(f"the cluster's scheduler is gone; start one and {_AGAIN}")
            time.sleep(0.1)
        try:
            return sorted(self.client.scheduler_info(n_workers=-1)["workers"])
        except (OSError, RuntimeError, KeyError) as error:
            raise Lut2hwError(f"the cluster's scheduler does not answer ({error}); {_AGAIN}") from error

    def spread(self, recipes: Sequence[Callable[[], Recipe]]) -> Shards:
        """As of `lut2hw.shards.Place`."""
        return Remote(self, recipes)

    def pick(self, taken: Sequence[str]) -> str:
        """The worker that holds fewest of the shards whose workers are `taken`."""
        return min(self._wait(), key=lambda address: (taken.count(address), address))

    def actor(self, address: str) -> Any:
        """A new `Host` on a worker."""
        future = self.client.submit(
            Host,
            actor=True,
            workers=[address],
            allow_other_workers=False,
            pure=False,
            key=f"lut2hw-{os.urandom(8).hex()}",
        )
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                return future.result(timeout=_POLL)
            except TimeoutError:
                if address not in self.workers() or time.monotonic() > deadline:
                    raise OSError(f"worker {address} is gone") from None
            except Exception as error:
                raise OSError(str(error)) from error

    def map(
        self,
        function: Callable[..., T],
        tasks: Sequence[tuple[Any, ...]],
        done: Callable[[int, T], None] | None = None,
    ) -> list[T]:
        """The results of a function for each tuple of arguments, in order; tasks of lost workers are done again.

        Parameters
        ----------
        function : callable
            Of a module that workers can import; what it raises is raised here.
        tasks : Sequence[tuple]
            Arguments.
        done : callable, optional
            Called as done(index, result) whenever one is ready.
        """
        from distributed import as_completed

        futures = {
            self.client.submit(_task, function, *arguments, pure=False, retries=2): i
            for i, arguments in enumerate(tasks)
        }
        results: dict[int, T] = {}
        try:
            for future in as_completed(list(futures)):  # type: ignore[no-untyped-call]
                try:
                    results[futures[future]] = value = future.result()
                except (Lut2hwError, UsageError):
                    raise
                except (OSError, RuntimeError) as error:
                    raise Lut2hwError(f"a task was lost with its workers ({error}); {_AGAIN}") from error
                if done is not None:
                    done(futures[future], value)
        finally:
            self.client.cancel([future for future in futures if not future.done()])
        return [results[i] for i in range(len(tasks))]

    def share(self, value: Any) -> Any:
        """A value that arguments of tasks may be: it is sent to the cluster once."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that it is large
            return self.client.submit(pickle.loads, pickle.dumps(value), pure=False)

    def _wait(self) -> list[str]:
        """The workers, once there are some."""
        deadline = time.monotonic() + _PATIENCE
        while not (workers := self.workers()):
            if time.monotonic() > deadline:
                raise Lut2hwError(f"the cluster has no workers; start some and {_AGAIN}")
            time.sleep(0.2)
        return workers

    def _check(self) -> None:
        """Raise unless all workers have this version of the package."""
        mine = _version()
        try:
            found = self.client.run(_version)
        except ModuleNotFoundError as error:
            raise Lut2hwError(f"workers cannot import {error.name}; install lut2hw {mine} on them") from error
        except (OSError, RuntimeError) as error:
            raise Lut2hwError(f"the cluster does not answer ({error}); {_AGAIN}") from error
        for address, other in found.items():
            if other != mine:
                raise Lut2hwError(f"worker {address} has lut2hw {other}; install {mine} there")


_AGAIN = "start the same command again"


def _version() -> str:
    return version("lut2hw")


def _task(function: Callable[..., T], *arguments: Any) -> T:
    """A task on a worker, alone on one thread: others run beside it."""
    from lut2hw.kernels.threads import alone

    with alone(True):
        return function(*arguments)


def cluster_of(client: Any) -> Cluster | None:
    """A `distributed.Client` as a `Cluster`; what is one already, and None, stay."""
    return client if client is None or isinstance(client, Cluster) else Cluster(client)


def check_address(text: str) -> None:
    """Raise `UsageError` unless a text names a cluster."""
    if not re.fullmatch(r"local:[1-9]\d{0,3}|(?!local:)(\w+://)?[\w.\-\[\]:]+:\d{1,5}/?", text):
        raise UsageError(
            f"--cluster {text} is no cluster; give the address of a Dask scheduler, tcp://HOST:8786 say, or local:N "
            "for N processes on this machine"
        )


def _close(what: Any) -> None:
    with contextlib.suppress(OSError, RuntimeError, TimeoutError):
        what.close(timeout=30)


@contextlib.contextmanager
def connect(text: str, tell: Callable[[str], None] | None = None) -> Iterator[Cluster]:
    """A cluster for as long as the block lasts.

    Parameters
    ----------
    text : str
        Address of a scheduler, or "local:N" for N processes on this machine.
    tell : callable, optional
        Called with one line: how many workers there are, and where the dashboard is.

    Raises
    ------
    UsageError
        If the text names none, or `distributed` is not installed.
    Lut2hwError
        If the cluster cannot be reached or used.
    """
    check_address(text)
    extras.need("distributed", extra="cluster")
    import logging

    import dask
    from distributed import Client, LocalCluster

    with contextlib.ExitStack() as stack:
        stack.enter_context(dask.config.set({"distributed.comm.timeouts.connect": "10s"}))
        for name in ("distributed", "tornado", "asyncio"):  # what matters is told in one line
            logging.getLogger(name).setLevel(logging.CRITICAL)
        try:
            if text.startswith("local:"):
                count = int(text.partition(":")[2])
                threads = max(1, (os.cpu_count() or 1) // count)
                local = LocalCluster(  # type: ignore[no-untyped-call]
                    n_workers=count,
                    threads_per_worker=threads,
                    dashboard_address="127.0.0.1:0",
                    silence_logs=logging.CRITICAL,
                )
                stack.callback(_close, local)
                client = Client(local, direct_to_workers=True)  # type: ignore[no-untyped-call]
            else:
                client = Client(text, direct_to_workers=True, timeout=10)  # type: ignore[no-untyped-call]
        except (OSError, RuntimeError, ValueError, TimeoutError) as error:
            raise Lut2hwError(
                f"no cluster at {text} ({error}); start one with dask scheduler and dask worker, or take local:N"
            ) from error
        stack.callback(_close, client)
        cluster = Cluster(client)
        if tell is not None:
            workers = f"{cluster.count} worker{'s' * (cluster.count != 1)}"
            tell(f"{workers}{f', dashboard: {cluster.dashboard}' if cluster.dashboard else ''}")
        yield cluster
