"""What the whole-system tests share: processes, servers, the sample data, and their ends.

Everything listens on 127.0.0.1, lives in a directory of its own, and is ended by its own process id.
"""
