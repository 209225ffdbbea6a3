"""Everything that can go wrong, grouped by what the caller can do about it.

* HaltbotError
  x Refused                 a person's input or rights; said privately, nothing was started
  x KeyUnusable             the channel has no key, or the stored one cannot be read
    - KeyMissing
    - KeyUndecryptable
    - SessionMissing      the person has not connected a Bitrix24 account, or has to do it again
  x KeyNotAccepted          a key that must not be stored, with the reason
  x SettingsNotAccepted     a channel's settings that cannot be used, with the one that is wrong
  x FactsUnavailable        Slack cannot say now who somebody is
  x VibecodeError           an answer, or the lack of one, from Vibecode
    + Definite              the call was not carried out and repeating it does not help
      - NotRunning          no such running instance (404 ENTITY_NOT_FOUND)
    + NotExecuted           the call was not carried out; it may be repeated after a wait
      - RateLimited
      - NotSent
    + Ambiguous             the call may have been carried out
      - UpstreamFailed      a 5xx answer: Vibecode or Bitrix24 had trouble
      - NoAnswer            a timeout, also behind Vibecode, or a lost connection: look before repeating
  x SlackError              Slack could not be told
    + SlackUnavailable      try the same again later
    + SlackRefused          the same will not work; try another way
  x StoreError              the database could not do its part
    - StoreBusy             it did not answer in time; the write may still land
    - StoreLocked           another process owns this embedded database
"""


class HaltbotError(Exception):
    """The base of every error that Haltbot expects."""


class Refused(HaltbotError):
    """A command or click that must not be carried out.

    ``reply`` names the entry of ``bot.messages.refusals`` that tells the person; ``detail`` fills its gaps.
    """

    def __init__(self, reply: str, **detail: object) -> None:
        super().__init__(reply)
        self.reply = reply
        self.detail = detail


class KeyUnusable(HaltbotError):
    """The channel's key cannot be used."""

    code = "KEY_UNUSABLE"


class KeyMissing(KeyUnusable):
    """No key is configured for this channel."""

    code = "KEY_MISSING"


class KeyUndecryptable(KeyUnusable):
    """The stored key does not decrypt here: another encryption key, channel or team."""

    code = "KEY_UNDECRYPTABLE"


class SessionMissing(KeyUnusable):
    """An application's key without a session of the person; ``code`` as Vibecode itself would tell it."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class KeyNotAccepted(HaltbotError):
    """A text that was entered as a key and must not be stored; ``fault`` is a KeyFault, and nothing repeats the text."""

    def __init__(self, fault: str) -> None:
        super().__init__(fault)
        self.fault = fault


class SettingsNotAccepted(HaltbotError):
    """A channel's settings that cannot be used.

    ``name`` is the one that is wrong; ``fault`` names the sentence of ``bot.messages.settings`` that says what it
    needs, which ``values`` fill in.
    """

    def __init__(self, name: str, fault: str, **values: object) -> None:
        super().__init__(f"{name}: {fault}")
        self.name = name
        self.fault = fault
        self.values = values


class FactsUnavailable(HaltbotError):
    """Slack cannot say now who somebody is, and what it said before is too old."""


class VibecodeError(HaltbotError):
    """Vibecode's answer in our terms.

    ``code`` is Vibecode's own code or, where it sent none, one of ours (``HTTP_418``, ``TIMEOUT`` …);
    ``status`` the HTTP status, None when there was no answer; ``retry_after`` seconds to wait.
    Vibecode's free-text message is deliberately not kept: its language and content are not ours.
    """

    def __init__(self, code: str, status: int | None = None, *, retry_after: float | None = None) -> None:
        super().__init__(f"{code} (HTTP {status})" if status else code)
        self.code = code
        self.status = status
        self.retry_after = retry_after


class Definite(VibecodeError):
    """The call was not carried out, and repeating it does not help."""


class NotRunning(Definite):
    """Finished, already terminated or never existed: Bitrix24 does not tell them apart."""


class NotExecuted(VibecodeError):
    """The call was not carried out; it may be repeated after a wait."""


class RateLimited(NotExecuted):
    """Too many calls for this key or portal."""


class NotSent(NotExecuted):
    """No connection was made, so nothing was asked for."""


class Ambiguous(VibecodeError):
    """The call may have been carried out."""


class UpstreamFailed(Ambiguous):
    """A 5xx answer, other than that the time ran out."""


class NoAnswer(Ambiguous):
    """The connection was lost, or the time ran out, here or behind Vibecode, after the request had been sent."""


AUTHORISABLE = frozenset({"TOKEN_EXPIRED", "TOKEN_MISSING", "INVALID_SESSION", "SESSION_APP_MISMATCH"})
"""Vibecode's codes that end when the person authorises again in the browser."""


class SlackError(HaltbotError):
    """Slack's answer in our terms; ``code`` is Slack's own error code."""

    def __init__(self, code: str, *, retry_after: float | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.retry_after = retry_after


class SlackUnavailable(SlackError):
    """A rate limit, a 5xx, a lost connection: the same may work later."""

    @property
    def did_nothing(self) -> bool:
        """Whether Slack has certainly not done it: a rate limit, not a 5xx, behind which it may have been done."""
        return self.code in ("ratelimited", "http_429")


class SlackRefused(SlackError):
    """Slack will not take this message on this way."""


class StoreError(HaltbotError):
    """The database could not do its part."""


class StoreBusy(StoreError):
    """The database did not answer in time; the write may still land."""


class StoreLocked(StoreError):
    """Another process owns this embedded database."""
