"""`python -m commission_sync.flags`: show and set feature flags."""

import sys

from commission_sync.commands.flags import main

if __name__ == "__main__":
    sys.exit(main())
