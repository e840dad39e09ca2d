"""Messages are hints: they come again until they are confirmed, of every shop of the app, in any order."""

import pytest

from handoffs.gateway import Gateway
from handoffs.marketplaces.taobao.wire import response_key
from tests.marketplaces.conftest import NOON, Client, sample

CONSUME = "taobao.tmc.messages.consume"


def test_what_happens_is_hinted_at(gateway: Gateway, client: Client) -> None:
    one, two = gateway.add_refund(), gateway.add_refund(tmall=True)
    gateway.change(one["refund_id"], status="SUCCESS")
    hints = client().messages()
    assert [(hint.topic.rpartition("_")[2], hint.refund_id) for hint in hints] == [
        ("RefundCreated", one["refund_id"]), ("RefundCreated", two["refund_id"]), ("RefundSuccess", one["refund_id"]),
    ]  # fmt: skip
    assert {hint.seller_nick for hint in hints} == {"sandbox_c_1", "sandbox_b_1"}
    assert hints[0].at == NOON
    assert "session" not in gateway.called(CONSUME)[0].form


def test_they_come_again_until_confirmed(gateway: Gateway, client: Client) -> None:
    gateway.add_refund()
    first, again = client().messages(), client().messages()
    assert first == again
    client().confirm([hint.id for hint in first])
    assert client().messages() == []
    client().confirm([])


def test_at_most_200_are_taken_and_confirmed_at_once(gateway: Gateway, client: Client) -> None:
    for _ in range(3):
        gateway.add_refund()
    assert len(client().messages(1)) == 3
    assert gateway.called(CONSUME)[0].form["quantity"] == "10"
    client().messages(5000)
    assert gateway.called(CONSUME)[1].form["quantity"] == "200"
    with pytest.raises(ValueError, match="200"):
        client().confirm([str(number) for number in range(201)])


def test_the_constructed_sample(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    made = client()
    answer = sample("tmc_messages_consume.constructed.json")
    monkeypatch.setattr(made.wire.http, "read", lambda *_: answer)
    hints = made.messages()
    assert {(hint.id, hint.refund_id) for hint in hints} == {("7120000000000000001", "146535512261065")}
    assert hints[0].content["oid"] == 194174061976510


@pytest.mark.parametrize("content", ["", "<xml/>", "[]", '{"other": 1}'])
def test_a_message_that_says_nothing_can_still_be_confirmed(
    client: Client, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    made = client()
    answer = {response_key(CONSUME): {"messages": {"tmc_message": {"id": 9, "content": content}}}}
    monkeypatch.setattr(made.wire.http, "read", lambda *_: answer)
    (hint,) = made.messages()
    assert (hint.id, hint.refund_id, hint.at) == ("9", "", None)
