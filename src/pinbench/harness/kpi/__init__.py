"""JUDGE, pure: a record in, numbers out; one file a KPI."""
