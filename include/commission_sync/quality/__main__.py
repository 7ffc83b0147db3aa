"""`python -m commission_sync.quality`: score companies' data now."""

import sys

from commission_sync.commands.quality import main

if __name__ == "__main__":
    sys.exit(main())
