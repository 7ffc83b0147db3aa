"""A HubSpot on localhost, held to how the real one behaves: for the demo, the tests and the benchmarks."""

from hubspot_emulator.client import EmulatorAdmin
from hubspot_emulator.process import Emulator, running_emulator
from hubspot_emulator.spec import PortalSpec

__all__ = ["Emulator", "EmulatorAdmin", "PortalSpec", "running_emulator"]
