"""`python -m handoffs.gateway --port 8900`: the gateway by hand, with some refunds in it. Ctrl-C ends it."""

import argparse
import sys
import threading

from handoffs.gateway import control
from handoffs.gateway.server import Gateway


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m handoffs.gateway", description=__doc__)
    options.add_argument("--port", type=int, default=8900)
    options.add_argument("--refunds", type=int, default=40, help="how many of each shop there are at the start")
    chosen = options.parse_args()
    gateway = Gateway(port=chosen.port)
    control.open_to(gateway)
    for number in range(chosen.refunds):
        for tmall in (False, True):
            gateway.add_refund(tmall=tmall, refund_fee=f"{20 + number}.90")
    with gateway:
        say(f"{gateway.url}/router/rest")
        for tmall in (False, True):
            seller = gateway.seller(tmall=tmall)
            kind = "Tmall" if tmall else "Taobao"
            say(f"{kind}: app key {seller.app_key}, secret {seller.app_secret}, session {seller.session}, "
                f"operator {seller.operator}")  # fmt: skip
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            say("")


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
