"""The `attribute` bag of a TOP refund: `;key:value;key:value;` (formats.md 1.5)."""


def parse(bag: str) -> dict[str, str]:
    """The bag as a dict. Inside values `#3B` means a colon and `#3A` a semicolon, as the 2022 sample shows."""
    pairs = (part.partition(":") for part in bag.split(";") if part)
    return {key: value.replace("#3B", ":").replace("#3A", ";") for key, sep, value in pairs if sep}


def agreed_automatically(bag: dict[str, str]) -> bool:
    """Whether the marketplace itself agreed: a daemon, the two-hour rule or an automatic agreement."""
    return bag.get("opRole") == "daemon" or bag.get("autoAgree") == "1" or bag.get("twoHoursAutoRefund") == "1"
