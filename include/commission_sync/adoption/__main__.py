"""`python -m commission_sync.adoption`: adopt a database that an older service filled."""

import sys

from commission_sync.commands.adoption import main

if __name__ == "__main__":
    sys.exit(main())
