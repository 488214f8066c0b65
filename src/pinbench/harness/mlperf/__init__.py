"""MLPerf's training logs: read, judged by our own rules and MLCommons' checkers, and put together as a package."""
