"""Stories of what is no ordinary refund, or unclear, and of cases that change hands (mostly without a path).

Each yields the minutes until its next act. A story can be told in part: the cast says how many acts.
"""

from accounts.models.people import Role
from handoffs.demo.desk import Desk
from handoffs.demo.market import Application
from handoffs.demo.stage import Story
from handoffs.flow.answer import Given


def exchange(d: Desk, a: Application) -> Story:
    """The buyer wants an exchange: asked for one of the ways it can go."""
    d.arrive(a)
    yield d.some(3, 14)
    d.act(a, "ask_exchange", way="return_and_buy_again", message=d.words(a, "exchange_return"))
    yield d.some(200, 500)


def unclear(d: Desk, a: Application) -> Story:
    """A person finds out where the goods are."""
    d.arrive(a)
    yield d.some(3, 16)
    d.respond(a)
    yield d.some(5, 15)
    d.ask(a, "check_shipped", "订单分批发货，请查这件是否已出库")
    yield d.some(8, 22)
    d.answer(a, "check_shipped", Given("facts", note="这一件还在库，未拣货", attachments=d.photo(Role.WAREHOUSE)))
    yield d.some(5, 20)
    yield from d.pay(a, "这一件未发出，同意退款")


def reshipped(d: Desk, a: Application) -> Story:
    """Something was missing: it is sent again."""
    d.arrive(a)
    yield d.some(3, 16)
    d.respond(a)
    yield d.some(5, 15)
    d.propose(a, "reship", "漏发配件包，补寄")
    yield d.some(5, 20)
    d.carry_out(a)
    yield d.some(200, 400)


def left_to_others(d: Desk, a: Application) -> Story:
    """Put back into the open queue for somebody else."""
    d.arrive(a)
    yield d.some(3, 12)
    d.respond(a)
    yield d.some(3, 8)
    d.put_back(a)
    yield 2000


def passed_on(d: Desk, a: Application) -> Story:
    """Passed on to the supervisor, who owns it from then on."""
    d.arrive(a)
    yield d.some(3, 12)
    d.respond(a)
    yield d.some(3, 8)
    d.pass_on(a, to=Role.SUPERVISOR)
    yield 2000
