"""What all tests need of the process they run in."""

import os
import random
import signal

import pytest
from helpers.needs import REQUIRED
from hypothesis import HealthCheck, settings

# A shell that starts a job in the background lets it ignore Ctrl-C, and so all that the job starts; tests send it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# `make test` tries the same examples for everybody; `make test-all` and the nightly run draw new ones. No limits of
# time: a busy machine is no fault.
ANY_TIME = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("same", derandomize=True, **ANY_TIME)
settings.register_profile("random", print_blob=True, **ANY_TIME)
settings.load_profile("random" if os.environ.get("LUT2HW_HYPOTHESIS") == "random" else "same")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    chosen = config.getoption("hypothesis_profile", None) or settings.get_current_profile_name()
    if chosen == "random" and config.getoption("--hypothesis-seed") is None:
        config.option.hypothesis_seed = str(random.SystemRandom().getrandbits(64))  # the workers of xdist get it too


def pytest_terminal_summary(terminalreporter, config):
    seed = config.getoption("--hypothesis-seed")
    if terminalreporter.stats.get("failed") and seed is not None:
        again = f"pytest --hypothesis-profile random --hypothesis-seed={seed} TEST"
        terminalreporter.line(f"properties were tried at random; the same again: {again}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    return no_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    return no_skip((yield))


def no_skip(report):
    """With LUT2HW_REQUIRE=all, what would be skipped fails and says what it needs."""
    if REQUIRED and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"{reason.removeprefix('Skipped: ')} (LUT2HW_REQUIRE=all lets no test be skipped)"
    return report
