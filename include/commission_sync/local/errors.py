"""What can go wrong on one machine, each told in one sentence."""


class LocalError(Exception):
    """Something about this machine or this checkout stops the start; the text is for the user as it is."""


class PostgresError(LocalError):
    """The embedded PostgreSQL cannot be had: the text names the thing, the cause and the next step."""


class PortTaken(LocalError):
    """Another program listens on the port of a server that was just started."""
