"""What a new installation is filled with: reasons, reply templates, the Chinese calendar."""

from collections import Counter
from datetime import date, timedelta

import pytest

from handoffs.flow.wording import byte_length, fill, length, meaningful, require_known_variables, variables
from handoffs.flow.worktime import chinese_days as kind_of
from handoffs.seeds.holidays import chinese_days, known_years
from handoffs.seeds.reasons import REASONS
from handoffs.seeds.templates import EN, TEMPLATES, VARIABLES, ZH

# As long as they get in practice; the address and the reason are written by people and the longest.
FILLED = {
    "zh-hans": {
        "buyer": "测试买家昵称",
        "order_id": "2728605998612085556",
        "refund_id": "143582160001085556",
        "amount": "1299.00",
        "title": "测试儿童运动鞋",
        "shop": "测试旗舰店",
        "agent": "小测",
        "waybill": "YT6530000000001",
        "carrier": "圆通速递",
        "date": "4月20日18点",
        "coupon": "5元优惠券",
        "address": "浙江省杭州市测试区样例路1号退货组",
        "reason": "吊牌已剪，鞋底有明显穿着痕迹",
        "inspection": "3 · 部分完好",
    },
    "en": {
        "buyer": "Test Buyer",
        "order_id": "2728605998612085556",
        "refund_id": "143582160001085556",
        "amount": "1299.00",
        "title": "Test running shoes",
        "shop": "Test Store",
        "agent": "Agent Test",
        "waybill": "YT6530000000001",
        "carrier": "YTO Express",
        "date": "20 April 18:00",
        "coupon": "a 5 yuan coupon",
        "address": "Returns, 1 Sample Road, Test District, Hangzhou",
        "reason": "the tag is cut off and the soles show wear",
        "inspection": "3 · partly good",
    },
}
OFFERED_BY_ACTS = {"parcel_left", "refuse_delivery", "agree_return", "return_number_coupon", "exchange_return"}
templates = pytest.mark.parametrize("row", TEMPLATES, ids=lambda row: f"{row.code}-{row.language}")


# Templates ------------------------------------------------------------------------------------------------------------


@templates
def test_a_filled_template_is_a_response_the_marketplace_takes(row: tuple[str, str, str, str]) -> None:
    text = fill(row[3], FILLED[row[1]])
    assert meaningful(text)
    assert 2 <= length(text) <= 200
    assert byte_length(text) <= 400
    assert "{" not in text


@templates
def test_a_template_uses_known_variables_only_and_greets_the_buyer(row: tuple[str, str, str, str]) -> None:
    require_known_variables(row[3])
    assert variables(row[3])[0] == "buyer"


@templates
def test_a_template_has_no_smileys(row: tuple[str, str, str, str]) -> None:
    assert all(ord(char) < 0x2600 or 0x3000 <= ord(char) < 0xFFF0 for char in row[3])


def test_every_template_is_there_in_both_languages_once_with_the_same_facts() -> None:
    assert set(ZH) == set(EN)
    assert set(ZH) >= OFFERED_BY_ACTS
    assert max(Counter(row[:2] for row in TEMPLATES).values()) == 1
    assert {code: set(variables(body)) for code, (_title, body) in ZH.items()} == {
        code: set(variables(body)) for code, (_title, body) in EN.items()
    }


def test_titles_are_distinct_and_fit_their_column() -> None:
    assert max(Counter(row[1:3] for row in TEMPLATES).values()) == 1
    assert all(len(row[0]) <= 40 and 0 < len(row[2]) <= 80 for row in TEMPLATES)


def test_the_samples_fill_every_variable() -> None:
    assert all(set(values) == set(VARIABLES) for values in FILLED.values())


# Reasons --------------------------------------------------------------------------------------------------------------


def reason(marketplace: str, text: str) -> tuple[bool, bool, bool]:
    return next(tuple(row[2:]) for row in REASONS if row[:2] == (marketplace, text))  # type: ignore[return-value]


def test_each_reason_stands_once_per_marketplace() -> None:
    assert max(Counter(row[:2] for row in REASONS).values()) == 1
    assert {row[0] for row in REASONS} == {"taobao", "tmall", "jd"}
    assert all(row[1] == row[1].strip() and 0 < len(row[1]) <= 255 for row in REASONS)


def test_no_reason_returns_and_goods_not_shipped_cannot_be_refused() -> None:
    never = {row[1] for row in REASONS if not row.refusable}
    assert all(not row.refusable for row in REASONS if "无理由" in row.text)
    assert never >= {"7天无理由退换货", "缺货", "未按约定时间发货", "商品无货"}


@pytest.mark.parametrize("text", ["缺货", "未按约定时间发货", "卖家发错货", "假冒品牌"])
@pytest.mark.parametrize("marketplace", ["taobao", "tmall"])
def test_these_carry_a_compensation_claim(marketplace: str, text: str) -> None:
    assert reason(marketplace, text)[0]


@pytest.mark.parametrize("text", ["7天无理由退换货", "多拍/错拍/不想要", "协商一致退款", "快递一直未送达", "质量问题"])
def test_these_carry_none(text: str) -> None:
    assert not reason("taobao", text)[0]


@pytest.mark.parametrize(
    "text", ["订单信息拍错（规格/尺码/颜色等）", "7天无理由退换货", "商品破损/瑕疵", "缺货", "协商一致退款"]
)
def test_the_reasons_of_the_sample_files_are_known(text: str) -> None:
    assert any(row.text == text for row in REASONS)


# The Chinese calendar -------------------------------------------------------------------------------------------------


def test_a_year_lists_holidays_and_make_up_days_with_their_names() -> None:
    days = chinese_days(2026)
    assert days is not None
    assert days[date(2026, 10, 1)] == ("rest", "国庆节 National Day")
    assert days[date(2026, 10, 10)] == ("work", "国庆节调休 National Day, make-up day")
    assert date(2026, 10, 12) not in days


@pytest.mark.parametrize("year", [2027, 2003])
def test_a_year_that_is_not_published_is_unknown_never_guessed(year: int) -> None:
    assert chinese_days(year) is None


def test_the_table_and_the_default_lookup_agree_on_every_day() -> None:
    assert known_years()[:1] == [2024]
    for year in known_years():
        table = chinese_days(year) or {}
        first = date(year, 1, 1)
        for day in (first + timedelta(days=number) for number in range(365)):
            assert kind_of(day) == (table[day].kind if day in table else "plain")


def test_make_up_days_lie_on_weekends_and_names_fit_their_column() -> None:
    for year in known_years():
        for day, special in (chinese_days(year) or {}).items():
            assert special.kind == "rest" or day.weekday() >= 5
            assert len(special.name) <= 80
