from accounts.models.audit import AuditEntry
from accounts.models.duty import Contact, DutyShift
from accounts.models.limit import Limit
from accounts.models.people import Membership, User
from accounts.models.places import Agreement, Carrier, Shop, Warehouse
from accounts.models.token import ApiToken

__all__ = [
    "Agreement", "ApiToken", "AuditEntry", "Carrier", "Contact", "DutyShift", "Limit", "Membership", "Shop", "User",
    "Warehouse",
]  # fmt: skip
