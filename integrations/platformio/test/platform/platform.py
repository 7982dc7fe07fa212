"""The platform of the emulated board. Its compiler is the system's."""

from platformio.public import PlatformBase


class EmulatedPlatform(PlatformBase):
    """Nothing beyond what every platform does."""
