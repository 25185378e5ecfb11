"""The version, in a file of its own: whatever writes a file says it, without importing the package's front door."""

__version__ = "0.1.0"
