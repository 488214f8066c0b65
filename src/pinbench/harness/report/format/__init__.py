"""One file a format of the listing, found by its name.

A format is a module with

    ENDING: str                                     of file names, by which ``--file`` chooses it; empty: never
    def render(listing: Listing) -> str | bytes     the whole file
"""
