"""A stay in the foreground: set up, held up, ended as a whole by Ctrl-C, a signal or the parent's death."""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType

from commission_sync.local.console import Terminal
from commission_sync.local.environment import API_PORT, Environment, Project, build, given
from commission_sync.local.errors import LocalError, PortTaken
from commission_sync.local.keys import ADMIN, admin_password
from commission_sync.local.metadata import record_metadata
from commission_sync.local.prctl import signal_on_parents_death
from commission_sync.local.standalone import Standalone
from commission_sync.settings import InvalidSetting, load_settings
from commission_sync.store import DatabaseUnavailable, migrate

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
WATCH_SECONDS = 1.0
PORTS_TRIED = 3


class Stopped(BaseException):
    """Somebody ended us; not an Exception, so that nothing takes it for an error of its own."""


def run(body: Callable[[Terminal, ExitStack], int], *, exit_with_parent: bool) -> int:
    """Run a session and return the exit code; everything the body put on the stack is ended in any case."""
    terminal = Terminal()
    for number in SIGNALS:
        signal.signal(number, _stop)
    if exit_with_parent:
        signal_on_parents_death(signal.SIGTERM)
    try:
        with ExitStack() as stack:
            return body(terminal, stack)
    except (LocalError, InvalidSetting, DatabaseUnavailable) as error:
        sys.stderr.write(f"✗ {error}\n")
        return 1
    except Stopped:
        terminal.say("Stopped; nothing runs on.")
        return 130


def start_databases(terminal: Terminal, stack: ExitStack) -> Environment:
    """Start what databases are needed and bring ours to the current schema.

    :raises LocalError: something about this machine is in the way.
    :raises DatabaseUnavailable: a database named in the environment cannot be used.
    :raises InvalidSetting: a variable has a value that makes no sense.
    """
    project = Project.of_this_code()
    with terminal.step("PostgreSQL") as detail:
        environment = build(project, given(project), serves_api=True)
        if environment.server is not None:
            stack.callback(environment.server.release)
            detail.append(f"127.0.0.1:{environment.server.port}")
    environment.adopt()
    load_settings()
    with terminal.step("Tables of the commission sync"):
        migrate(environment.commissions_dsn)
    return environment


def start_airflow(terminal: Terminal, stack: ExitStack, environment: Environment) -> Standalone:
    """Start Airflow and return it when every part runs.

    :raises LocalError: it does not start; with the log's last lines.
    """
    with terminal.step("Airflow (its database, scheduler, DAG processor, triggerer, web)") as detail:
        standalone = stack.enter_context(_own_airflow(environment))
        record_metadata(standalone.environment)
        detail.append(standalone.environment.api_url)
    return standalone


@contextmanager
def _own_airflow(environment: Environment) -> Iterator[Standalone]:
    """Yield an Airflow that is healthy; on another port where a strange program took the first, unless that was set."""
    is_set = API_PORT in given(environment.project)
    for tries_left in reversed(range(PORTS_TRIED)):
        with Standalone(environment) as standalone:
            try:
                standalone.wait_until_healthy()
            except PortTaken:
                if is_set or not tries_left:
                    raise
            else:
                yield standalone
                return
        environment = environment.on_another_port()


def stay(terminal: Terminal, environment: Environment, standalone: Standalone) -> int:
    """Tell the user where things are, then hold everything up until somebody ends it.

    :raises LocalError: Airflow ended by itself.
    """
    home = environment.project.home
    terminal.say("")
    terminal.say(f"Airflow   {environment.variables['AIRFLOW__API__BASE_URL']}")
    terminal.say(f"Login     {ADMIN} / {admin_password(home)}")
    if environment.server is not None:
        server = environment.server
        terminal.say(f"Database  postgresql://{server.user}@{server.host}:{server.port}/commissions")
        terminal.say(f"          (password in {home / 'postgres' / 'password'})")
    terminal.say(f"Logs      {home / 'logs'}")
    terminal.say("Ctrl-C ends everything.")
    while True:
        standalone.check()
        time.sleep(WATCH_SECONDS)


def _stop(_number: int, _frame: FrameType | None) -> None:
    # One request is enough: a second one must not break off the clearing up.
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise Stopped
