"""How long input is made up: a moment in `make test`, more in `make test-again`, as long as asked in `make fuzz`."""

import os

EXAMPLES = int(os.environ.get("FUZZ", "10"))
THOROUGH = EXAMPLES >= 40
LONG = EXAMPLES > 40  # and by chance: every run tries others
