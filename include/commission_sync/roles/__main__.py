"""`python -m commission_sync.roles`: make the database's roles, and say who may read which company."""

import sys

from commission_sync.commands.roles import main

if __name__ == "__main__":
    sys.exit(main())
