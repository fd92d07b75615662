"""The official Python client against the real program."""
