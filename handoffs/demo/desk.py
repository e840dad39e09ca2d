"""What people do in the demo: each act through the flow, by the person whose work it is, at the stage's moment."""

import io
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image, ImageDraw

from accounts.models import User
from accounts.models.people import Role
from handoffs.demo.market import Application
from handoffs.demo.people import Company
from handoffs.demo.stage import Stage, Story
from handoffs.flow import acts, answer, decision, evidence, handoff, owner, response, wording
from handoffs.flow.answer import Given
from handoffs.flow.handoff import Question
from handoffs.flow.proposal import Proposal
from handoffs.flow.response import Reply
from handoffs.models import Case, Decision, Handoff
from handoffs.seeds.templates import ZH


class Desk:
    """The people of the demo at work. Chance is seeded, so every demo tells the same stories."""

    def __init__(self, company: Company, stage: Stage, *, seed: int) -> None:
        self.company, self.stage = company, stage
        self.random = Random(seed)  # noqa: S311  stories, not secrets

    def some(self, least: float, most: float) -> float:
        """A number of minutes in between."""
        return self.random.uniform(least, most)

    def person(self, role: str) -> User:
        return self.company.people[role]

    def case(self, a: Application) -> Case:
        return Case.objects.select_related("shop", "owner").get(pk=a.case_id)

    # the marketplace and the buyer

    def arrive(self, a: Application, *, after: float = 1.0) -> None:
        """The application reaches the desk some minutes after it was made."""
        a.push(at=self.stage.at, applied_at=self.stage.at - timedelta(minutes=after))

    def moves(self, a: Application, phase: str, **changes: Any) -> None:
        """The marketplace or the buyer changed the application; the next import brings it."""
        for name, value in {"phase": phase, **changes}.items():
            setattr(a, name, value)
        a.push(at=self.stage.at)

    # support

    def respond(self, a: Application, template: str = "looking", *, channel: str = "chat", **values: Any) -> None:
        reply = Reply(self.words(a, template, **values), channel=channel, template=template)
        response.respond(a.case_id, reply, by=self.person(Role.SUPPORT), at=self.stage.at)

    def words(self, a: Application, template: str, **values: Any) -> str:
        """A shipped template filled for this case."""
        known = {
            "buyer": "亲", "order_id": a.order_id, "refund_id": a.refund_id, "amount": a.asked, "title": a.good.title,
            "shop": a.shop.name, "agent": "小青", "waybill": a.waybill or a.return_waybill,
            "carrier": a.carrier or a.return_carrier or "快递", "date": "明天18点", "coupon": "5元优惠券",
            "address": a.shop.return_address, "reason": "退回的商品有使用痕迹",
        }  # fmt: skip
        return wording.fill(ZH[template][1], known | values)

    def act(self, a: Application, code: str, *, by: str = Role.SUPPORT, **values: Any) -> None:
        acts.perform(a.case_id, code, values, by=self.person(by), at=self.stage.at)

    def claim(self, a: Application, *, by: str = Role.SUPPORT) -> None:
        owner.claim(a.case_id, by=self.person(by), at=self.stage.at)

    def put_back(self, a: Application) -> None:
        owner.put_back(a.case_id, by=self.person(Role.SUPPORT), at=self.stage.at)

    def pass_on(self, a: Application, *, to: str) -> None:
        owner.assign(a.case_id, to=self.person(to), by=self.person(Role.SUPPORT), at=self.stage.at)

    # questions

    def ask(self, a: Application, kind: str, note: str = "", *, by: str = Role.SUPPORT, **more: Any) -> Handoff:
        question = Question(kind, note=note, **more)
        return handoff.ask(a.case_id, question, by=self.person(by), at=self.stage.at)

    def question(self, a: Application, kind: str, *, to_role: str = "") -> Handoff:
        """The latest question of the kind on the case."""
        rows = Handoff.objects.filter(case=a.case_id, kind=kind)
        found = (rows.filter(to_role=to_role) if to_role else rows).order_by("-pk").first()
        if found is None:
            raise ValueError(f"No {kind} was asked on the demo's case {a.number}.")
        return found

    def answer(self, a: Application, kind: str, given: Given, *, to_role: str = "", by: str = "") -> None:
        asked = self.question(a, kind, to_role=to_role)
        answer.answer(asked.pk, given, by=self.person(by or asked.to_role), at=self.stage.at)

    def take_up(self, a: Application, kind: str) -> None:
        asked = self.question(a, kind)
        handoff.claim(asked.pk, by=self.person(asked.to_role), at=self.stage.at)

    def send_back(self, a: Application, kind: str, reason: str) -> None:
        asked = self.question(a, kind)
        handoff.send_back(asked.pk, reason=reason, by=self.person(asked.to_role), at=self.stage.at)

    def send_again(self, a: Application, kind: str, note: str) -> None:
        asked = self.question(a, kind)
        handoff.send_again(asked.pk, note_text=note, by=self.person(Role.SUPPORT), at=self.stage.at)

    def withdraw(self, a: Application, kind: str) -> None:
        asked = self.question(a, kind)
        handoff.withdraw(asked.pk, by=self.person(Role.SUPPORT), at=self.stage.at)

    def photo(self, role: str, *, stamp: bool = False) -> tuple[int, ...]:
        """A picture taken on the spot, or a stamped paper, uploaded by whoever answers."""
        file = SimpleUploadedFile("证明.png" if stamp else "现场照片.png", picture(self.random, stamp=stamp))
        return (evidence.upload(file, by=self.person(role), at=self.stage.at).pk,)

    # decisions

    def propose(self, a: Application, kind: str, reason: str, amount: str | None = None, **more: Any) -> Decision:
        proposal = Proposal(kind, reason, Decimal(amount) if amount else None, **more)
        return decision.propose(a.case_id, proposal, by=self.person(Role.SUPPORT), at=self.stage.at)

    def decision(self, a: Application) -> Decision:
        return Decision.objects.filter(case=a.case_id).latest("pk")

    def approve(self, a: Application, amount: str | None = None, note: str = "") -> None:
        made = self.decision(a)
        asked = made.handoff
        approver = asked.assignee if asked and asked.assignee else self.person(Role.MANAGER)
        decision.approve(made.pk, by=approver, at=self.stage.at, amount=Decimal(amount) if amount else None, note=note)

    def refuse(self, a: Application, reason: str) -> None:
        decision.refuse(self.decision(a).pk, reason=reason, by=self.person(Role.SUPERVISOR), at=self.stage.at)

    def take_decision_back(self, a: Application) -> None:
        decision.withdraw(self.decision(a).pk, by=self.person(Role.SUPPORT), at=self.stage.at)

    def carry_out(self, a: Application, **more: Any) -> None:
        made = self.decision(a)
        reference = f"DEMO{made.pk:05d}"
        decision.carry_out(made.pk, by=self.person(Role.SUPPORT), at=self.stage.at, reference=reference, **more)

    def decide(self, a: Application, kind: str, reason: str, amount: str | None = None) -> Story:
        """Propose; where it is over the limit the supervisor, or the manager, approves it within the hour."""
        made = self.propose(a, kind, reason, amount)
        yield self.some(2, 8)
        if made.status == Decision.Status.PROPOSED:
            yield self.some(12, 45)
            self.approve(a)
            yield self.some(2, 10)

    def pay(self, a: Application, reason: str, kind: str = "full_refund", amount: str | None = None) -> Story:
        """Decide, carry out in the back office, and let the marketplace confirm it."""
        yield from self.decide(a, kind, reason, amount)
        self.carry_out(a)
        yield self.some(15, 50)
        self.moves(a, "success")
        yield self.some(2, 5)


def respond_to_many(desk: Desk, applications: list[Application]) -> None:
    """One text to many at once, marked as such."""
    text = Reply(
        "亲，您的退款申请已收到，今天订单较多，我们正在逐一核实，会尽快回复您。", template="looking", bulk=True
    )
    ids = [a.case_id for a in applications]
    response.respond_many(dict.fromkeys(ids, text), by=desk.person(Role.SUPPORT), at=desk.stage.at)


def picture(random: Random, *, stamp: bool) -> bytes:
    """A drawing that passes for a photo of a parcel, or for a paper with a red stamp."""
    paper = Image.new("RGB", (640, 480), (250, 249, 245) if stamp else (214, 208, 198))
    draw = ImageDraw.Draw(paper)
    if stamp:
        for line in range(6):
            draw.line((80, 80 + line * 40, 520, 80 + line * 40), fill=(120, 120, 120), width=3)
        draw.ellipse((380, 260, 560, 440), outline=(200, 30, 30), width=10)
        draw.regular_polygon((470, 350, 40), 5, fill=(200, 30, 30))
    else:
        draw.rectangle((140, 120, 500, 400), fill=(181, 136, 84), outline=(120, 86, 48), width=6)
        draw.rectangle((140, 240, 500, 275), fill=(222, 196, 150))
        x, y = random.randint(180, 400), random.randint(140, 340)
        draw.line((x, y, x + 60, y + 40, x + 20, y + 60), fill=(90, 30, 20), width=7)
    buffer = io.BytesIO()
    paper.save(buffer, "PNG")
    return buffer.getvalue()
