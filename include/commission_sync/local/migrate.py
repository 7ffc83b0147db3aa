"""`make migrate`: both databases, Airflow's and ours, brought to the current schema."""

import sys

from commission_sync.local.environment import Project, build, given
from commission_sync.local.errors import LocalError
from commission_sync.local.metadata import prepare_metadata
from commission_sync.store import DatabaseUnavailable, migrate


def main() -> int:
    """Migrate, and return the exit code."""
    project = Project.of_this_code()
    try:
        environment = build(project, given(project))
        migrate(environment.commissions_dsn)
        prepare_metadata(environment, even_if_used=True)
    except (LocalError, DatabaseUnavailable) as error:
        sys.stderr.write(f"✗ {error}\n")
        return 1
    sys.stdout.write("Both databases have the current schema.\n")
    if environment.server is not None:
        environment.server.release()
    return 0


if __name__ == "__main__":
    sys.exit(main())
