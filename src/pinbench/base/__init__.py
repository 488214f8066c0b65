"""The ground floor: errors, units, JSON and plug-ins; imports nothing of pinbench."""
