"""`python -m commission_sync.mapping`: validate, preview, activate and roll back mappings."""

import sys

from commission_sync.commands.mapping import main

if __name__ == "__main__":
    sys.exit(main())
