from accounts.models.duty import Contact, DutyShift
from accounts.models.limit import Limit
from accounts.models.people import Membership, User
from accounts.models.places import Agreement, Carrier, Shop, Warehouse

__all__ = ["Agreement", "Carrier", "Contact", "DutyShift", "Limit", "Membership", "Shop", "User", "Warehouse"]
