"""The one message of a termination: its headline, what is known of the instance, its buttons and its small print."""

from dataclasses import dataclass

from bot.domain.command import has_usual_shape
from bot.domain.errors import AUTHORISABLE
from bot.domain.practice import is_practice
from bot.domain.press import Choice
from bot.domain.termination import Phase, Termination
from bot.messages import blocks, termination_text
from bot.messages.blocks import Block, button
from bot.messages.instance_text import fields
from bot.messages.language import ENGLISH, _, speaking
from bot.messages.mrkdwn import clip, escape
from bot.messages.practice import banner
from bot.ports.messenger import Message

FORCE_TERMINATE = "termination_force"
TERMINATE_SOFTLY = "termination_soften"
KEEP_RUNNING = "termination_keep"
ESCALATE = "termination_escalate"
KEEP_WATCHING = "termination_watch"
BREAK_GLASS = "termination_break_glass"
AUTHORISE = "authorisation_open"
CONNECT = "connection_start"
CHOICES = {
    FORCE_TERMINATE: Choice.FORCE,
    TERMINATE_SOFTLY: Choice.SOFT,
    KEEP_RUNNING: Choice.KEEP,
    BREAK_GLASS: Choice.BREAK_GLASS,
    ESCALATE: Choice.ESCALATE,
    KEEP_WATCHING: Choice.WATCH,
}
_REASON_IN_TEXT = 1200


@dataclass(frozen=True, slots=True)
class Cards:
    """Builds messages; ``authorise_url`` is where a Bitrix24 session is renewed otherwise."""

    authorise_url: str
    connects: bool = False
    """People connect their accounts on a page of Haltbot's own."""

    def termination(
        self, termination: Termination, phase: Phase, now: int, *, language: str = ENGLISH
    ) -> Message:
        """The one message of a termination, as it has to look at ``now``, in ms."""
        with speaking(language):
            return self._built(termination, phase, now)

    def _built(self, termination: Termination, phase: Phase, now: int) -> Message:
        opening = [
            *banner(termination.request.workflow_id),
            termination_text.headline(termination, phase, now),
        ]
        known = _known(termination, phase, now)
        body = termination_text.body(termination, phase, now, connects=self.connects)
        small_print = _small_print(termination)
        shown = [blocks.section(text) for text in opening]
        if termination.request.reason:
            shown.append(blocks.quote(termination.request.reason))
        if known:
            shown.append(blocks.fields(known))
        if body:
            shown.append(blocks.section("\n".join(body)))
        if buttons := self._buttons(termination, phase):
            shown.append(blocks.actions(buttons, f"{phase}.{termination.question.number}"))
        shown.append(blocks.context(small_print))
        reason = clip(escape(termination.request.reason), _REASON_IN_TEXT)
        lines = [
            *opening,
            _("Reason: {reason}", reason=reason) if reason else "",
            *(_("{name}: {value}", name=name, value=value) for name, value in known),
            *body,
            small_print,
        ]
        return Message(blocks.spoken(lines), tuple(shown))

    def _buttons(self, termination: Termination, phase: Phase) -> list[Block]:
        value = f"{termination.id}.{termination.question.number}"
        match phase:
            case Phase.AWAITING_CONFIRMATION:
                return _answers(termination, value)
            case Phase.WATCHING if not termination.request.force:
                return [button(_("Force terminate…"), ESCALATE, value)]
            case Phase.OFFERED:
                label = _("Force again…") if termination.request.force else _("Force terminate…")
                return [
                    button(label, ESCALATE, value, style="danger"),
                    button(_("Keep watching"), KEEP_WATCHING, value),
                ]
        if not termination.result.outcome or termination.result.code not in AUTHORISABLE:
            return []
        if self.connects and termination.calls.signed_in:
            return [button(_("Connect"), CONNECT, value, style="primary")]
        return [button(_("Authorise again"), AUTHORISE, value) | {"url": self.authorise_url}]


def question_of(value: str) -> tuple[str, int] | None:
    """Read a button's value back: the termination's reference and the number of the question."""
    reference, _dot, number = value.partition(".")
    ours = reference and number.isascii() and number.isdigit()
    return (reference, int(number)) if ours else None


def _answers(termination: Termination, value: str) -> list[Block]:
    """What can be answered: by the requester, or by those who may approve."""
    approval = termination.question.approval is not None
    keep = button(_("Keep running"), KEEP_RUNNING, value)
    if not termination.request.force:
        softly = _("Approve: terminate softly") if approval else _("Terminate softly")
        return [button(softly, TERMINATE_SOFTLY, value, style="primary"), keep]
    force = _("Approve: force terminate") if approval else _("Force terminate")
    buttons = [
        button(force, FORCE_TERMINATE, value, style="danger"),
        button(_("Terminate softly instead"), TERMINATE_SOFTLY, value),
        keep,
    ]
    if termination.question.may_break_glass and approval:
        buttons.append(button(_("Break glass…"), BREAK_GLASS, value))
    return buttons


def _known(termination: Termination, phase: Phase, now: int) -> list[tuple[str, str]]:
    """What is known of the instance, where somebody has to decide about it."""
    if phase not in (Phase.AWAITING_CONFIRMATION, Phase.OFFERED):
        return []
    return fields(
        termination.request.workflow_id, termination.question.seen, termination.question.portal, now
    )


def _small_print(termination: Termination) -> str:
    facts = termination_text.footer(termination)
    if not has_usual_shape(termination.request.workflow_id) and not is_practice(
        termination.request.workflow_id
    ):
        facts.append(_("this ID has an unusual shape"))
    return " · ".join(facts)
