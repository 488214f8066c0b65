"""The stages of a preparation on Apache Spark: the same rows, ids and files as on one machine, from many."""
