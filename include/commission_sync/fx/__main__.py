"""`python -m commission_sync.fx`: rates that a person enters for a company."""

import sys

from commission_sync.commands.fx import main

if __name__ == "__main__":
    sys.exit(main())
