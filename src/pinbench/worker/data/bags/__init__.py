"""Made-up samples whose sparse features are bags: any number of different ids each, not exactly one."""
