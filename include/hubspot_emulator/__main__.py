"""Runs the emulator."""

import sys

from hubspot_emulator.cli import main

sys.exit(main())
