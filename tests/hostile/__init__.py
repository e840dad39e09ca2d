"""Input made to do harm: every reader, every export."""
