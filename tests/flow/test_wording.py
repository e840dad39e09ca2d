"""A response has to say something, in a length the marketplace takes; templates are filled safely (domain.md 1.1)."""

import pytest
from django.utils import translation
from hypothesis import given, settings
from hypothesis import strategies as st

from handoffs.flow.errors import Invalid
from handoffs.flow.wording import (
    CannotFill,
    SaysNothing,
    byte_length,
    fill,
    length,
    meaningful,
    require_known_variables,
    require_meaningful,
    variables,
)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   \n\t",
        "(*￣︶￣)",
        "😊😊",
        "👨‍👩‍👧‍👦❤️",
        "(艹皿艹)",
        "凸(艹皿艹 )凸",
        "T_T orz",
        "TT_TT QAQ",
        "ok",
        "OK 👌",
        "1234",
        "１２３４",
        "(ノ◕ヮ◕)ノ*:・゚✧",
        "......",
        "？？！！",
        "Ｏ(∩_∩)Ｏ",
        "亲",
        "亲~(^_^)",
        "好",
        "口_口",
        "一_一",
        "（╯‵□′）╯︵┻━┻",
        "ヾ(≧▽≦*)o",
        "╮(╯▽╰)╭",
        "(=￣ω￣=)",
        "ಠ益ಠ",
        "(╬ಠ益ಠ)",
        "(ﾟ皿ﾟメ)",
        "（一一）",
        "㊗️㊙️",
        "🈶🈚️🈶",
        "[微笑][玫瑰]",
        "［微笑］［微笑］",
        "hhh hhhh",
        "TvT OwO XDDD emmm",
        "a b c d",
        "亲\u200b",
        "{}[]()<>",
    ],
)
def test_faces_and_punctuation_say_nothing(text: str) -> None:
    assert not meaningful(text)


@pytest.mark.parametrize(
    "text",
    [
        "已为您退款",
        "您好(*￣︶￣)",
        "您好",
        "Refund done",
        "Ｒｅｆｕｎｄ　ｄｏｎｅ",
        "refund,done",
        "(已退款)",
        "（已为您退款）",
        "【已退款】",
        "[已退款]",
        "(*已为您退款*)",
        "亲，退",
        "😊已退😊",
        "退_款",
        "ok 已退",
        "I am so sorry",
        "Возврат сделан",
        "退\n款",
        "𠮷野家",
        "一口价商品（一人一件）",
    ],
)
def test_words_say_something(text: str) -> None:
    assert meaningful(text)


def test_a_text_that_says_nothing_is_refused_with_what_is_wanted() -> None:
    with translation.override("en"), pytest.raises(SaysNothing, match="two Chinese characters, or two words") as caught:
        require_meaningful("(*￣︶￣)", "message")
    assert caught.value.field == "message"
    assert caught.value.code == "says_nothing"
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, Invalid)


def test_a_text_that_says_something_passes() -> None:
    require_meaningful("已为您退款", "message")


@settings(deadline=None, derandomize=True)
@given(st.text())
def test_any_text_is_judged_and_words_around_it_always_count(text: str) -> None:
    meaningful(text)
    assert meaningful(f"已为您退款 {text}".replace("(", "").replace("（", ""))


@settings(deadline=None, derandomize=True)
@given(st.text(alphabet=st.characters(categories=["So", "Sk", "Sm", "Sc", "Po", "Nd", "Zs", "Cc"])))
def test_symbols_digits_and_punctuation_alone_never_count(text: str) -> None:
    assert not meaningful(text)


# Length ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "characters", "utf8", "gbk"),
    [
        ("", 0, 0, 0),
        ("refund", 6, 6, 6),
        ("已退款", 3, 9, 6),
        ("退款OK", 4, 8, 6),
        ("好😊", 2, 7, 6),
        ("一\r\n二", 3, 7, 5),
    ],
)
def test_texts_are_measured_in_characters_and_in_bytes(text: str, characters: int, utf8: int, gbk: int) -> None:
    assert (length(text), byte_length(text), byte_length(text, "gbk")) == (characters, utf8, gbk)


def test_half_a_pair_of_surrogates_is_measured_too() -> None:
    assert byte_length("\ud83d") == byte_length("\ud83d", "gbk") == 1


# Templates ------------------------------------------------------------------------------------------------------------


def test_variables_are_filled_in() -> None:
    body = "{buyer} 您好，{ amount } 元已退，{buyer} 请查收"
    assert variables(body) == ["buyer", "amount"]
    assert fill(body, {"buyer": "小李", "amount": "12.30", "shop": "unused"}) == "小李 您好，12.30 元已退，小李 请查收"


def test_braces_in_a_value_are_left_as_they_are() -> None:
    assert fill("{buyer}: {title}", {"buyer": "{title}", "title": "{0.__class__}"}) == "{title}: {0.__class__}"


@pytest.mark.parametrize("body", ["{buyer.password}", "{buyer!r}", "{0}", "{}", "{买家}", "{Buyer}", "{amount:>9999}"])
def test_an_unknown_variable_is_named(body: str) -> None:
    with translation.override("en"), pytest.raises(CannotFill, match="Unknown") as caught:
        fill(body, {"buyer": "x", "amount": 1})
    assert body in str(caught.value)
    with pytest.raises(CannotFill):
        require_known_variables(body)


@pytest.mark.parametrize("value", [None, "", "  "])
def test_every_missing_variable_is_named(value: str | None) -> None:
    with translation.override("en"), pytest.raises(CannotFill, match="Fill in first") as caught:
        fill("{waybill} {carrier} {shop}", {"waybill": value, "shop": "Shop"})
    assert caught.value.names == ("waybill", "carrier")
    assert "{carrier}" in str(caught.value)


def test_nought_is_a_value_and_a_lone_brace_is_text() -> None:
    assert fill("{amount} } {", {"amount": 0}) == "0 } {"
