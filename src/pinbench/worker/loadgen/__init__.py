"""MLPerf's LoadGen asks, the instance answers: the samples, the system under test, the settings, what comes of it."""
