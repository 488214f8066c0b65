"""The report to look at: one HTML page with its plots drawn here, so that it asks for nothing when it is opened."""
