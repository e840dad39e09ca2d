"""Readers: they translate files and payloads into rows, nothing else. One file per format."""

from handoffs.intake.reading import FORMATS, PATIENCE, Description, describe, format_of, read

__all__ = ["FORMATS", "PATIENCE", "Description", "describe", "format_of", "read"]
