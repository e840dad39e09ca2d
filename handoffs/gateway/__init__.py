"""A local marketplace for tests and the demo: real HTTP, real checks, a ledger of the money it moved.

It knows nothing of the desk and shares no code with its clients, so that a mistake is not made twice alike.
"""

from handoffs.gateway.faults import Fault
from handoffs.gateway.server import Gateway
from handoffs.gateway.shops import Seller

__all__ = ["Fault", "Gateway", "Seller"]
