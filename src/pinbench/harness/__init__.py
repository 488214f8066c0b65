"""The parent's wing: asks, places, starts, keeps, judges, shows. No torch."""
