"""The codes by which Kuaidi100 calls the carriers, and the names files and people give them."""

from collections.abc import Iterable

NAMES: dict[str, tuple[str, ...]] = {
    "shunfeng": ("sf", "顺丰", "顺丰速运", "顺丰快递"),
    "zhongtong": ("zto", "中通", "中通快递"),
    "yuantong": ("yto", "圆通", "圆通速递", "圆通快递"),
    "shentong": ("sto", "申通", "申通快递"),
    "yunda": ("yd", "yunda", "韵达", "韵达快递", "韵达速递"),
    "jtexpress": ("jt", "jtsd", "极兔", "极兔速递"),
    "jd": ("jd", "京东", "京东物流", "京东快递"),
    "ems": ("ems", "邮政ems"),
    "youzhengguonei": ("postb", "邮政", "邮政快递包裹", "中国邮政"),
    "debangkuaidi": ("dbl", "德邦", "德邦快递"),
    "danniao": ("dn", "丹鸟", "菜鸟速递"),
    "huitongkuaidi": ("htky", "百世", "百世快递", "汇通"),
    "tiantian": ("ttkdex", "天天快递"),
}


def names_of(code: str) -> tuple[str, ...]:
    """The names of the carrier that the service calls by this code."""
    return NAMES.get(code.casefold(), ())


def code_of(names: Iterable[str]) -> str:
    """The service's code for a carrier called by any of these names; empty where it has none."""
    called = {"".join(name.split()).casefold() for name in names}
    return next((code for code, known in NAMES.items() if called & {code, *known}), "")
