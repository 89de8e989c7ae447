"""A door for people: pages, fragments and forms over the same services."""
