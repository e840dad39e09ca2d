"""What becomes of the desk when something breaks: real processes on services of their own, killed, flushed, restarted.

Each fault is counted: what should have been told or stored, what was, what is missing, what is there twice. Each has a
negative control: the same with the guard switched off (tests/faults/sabotage.py), which must lose or double.
"""
