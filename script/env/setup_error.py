"""The one exception of the environment scripts: a line for the user, never a traceback."""


class SetupError(Exception):
    """What is wrong, where, and the way out, in one line."""
