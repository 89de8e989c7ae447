"""The only builder: makes everything once and hands it over."""
