"""The types that cross a layer or a process: frozen values, no behaviour beyond what they say of themselves."""
