"""Python's collector of cycles, told what stays: it would walk through all that is loaded, page after page."""

import gc


def settle() -> None:
    """Once all is loaded: leave that alone, and look through what came since less often. (docs/performance.md)"""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
