"""Prepared forms of Criteo, a module each: `IDS`, `streams`, `open_writer` write one, `open_split` reads it.

The order of events when one is written: raw rows get the ids that `ids(job)` orders, `streams(job, day_rows)` says
which rows go where, the writer gets blocks of rows in any order, each with its place, and `finish` closes the set.
"""
