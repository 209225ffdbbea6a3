"""What each code of Vibecode means to the person on call: one entry a code, also the table of docs/errors.md."""

from dataclasses import dataclass

from bot.messages.language import N_, _


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a call failed, in the on-call engineer's words, and what to do next; rendered when it is read."""

    cause: str
    step: str
    admin_step: str | None = None
    """What a Haltbot admin does about it, at any hour, where ``step`` is for somebody in the channel."""

    @property
    def why(self) -> str:
        return _(self.cause)

    @property
    def next(self) -> str:
        return _(self.step)

    @property
    def remedy(self) -> str:
        """What to do for whoever reads an examination: the very admin whom ``next`` may tell people to ask."""
        return _(self.admin_step or self.step)


# What people in the channel do next, and what an admin does.
_LOOK_AGAIN = N_("This usually passes: examine again in a few minutes.")
_NEW_KEY = N_(
    (
        "Set a new key with `{command} key`, or ask a Haltbot admin (`haltbot key set`).",
        "Set a new key: `haltbot key set`.",
    )
)
_PERSONAL_KEY = N_(
    (
        "Set a personal key (vibe_api_…) with `{command} key`, or ask a Haltbot admin (`haltbot key set`).",
        "Set a personal key (vibe_api_…): `haltbot key set`.",
    )
)
_TRY_AGAIN = N_(("Run the command again in a minute; a repeated stop does no harm.", _LOOK_AGAIN))
_UNREACHABLE = N_(("Try again in a minute; if it lasts, stop the workflow in the portal.", _LOOK_AGAIN))
_STOP_THERE = N_(("Stop the workflow in the portal, and report the reference below.", _LOOK_AGAIN))
_CHECK_ADDRESS = N_(
    (
        "Ask a Haltbot admin to check VIBECODE_API_URL and the network; until then use the portal.",
        "Check VIBECODE_API_URL and the network.",
    )
)
_TARIFF = N_(
    (
        "Ask whoever manages the Bitrix24 account, or stop the workflow in the portal.",
        "Ask whoever manages the Bitrix24 account.",
    )
)
_AUTHORISE = N_(
    (
        "Authorise again (button below), then run the command once more.",
        "Authorise again in Vibecode, then set the key with its new session: `haltbot key set --session`.",
    )
)
_SHORTER_REASON = N_("Run the command with a shorter reason.")
_LOOK_IN_PORTAL = N_("Look in the portal whether it still runs.")

EXPLANATIONS: dict[str, Explanation] = N_(
    {
        # The key
        "MISSING_API_KEY": Explanation("Vibecode received no API key.", *_NEW_KEY),
        "INVALID_API_KEY": Explanation("This channel's API key is invalid or expired.", *_NEW_KEY),
        "KEY_EXPIRED": Explanation("This channel's API key has expired.", *_NEW_KEY),
        "KEY_INACTIVE": Explanation("This channel's API key is switched off.", *_NEW_KEY),
        "KEY_MISSING": Explanation(
            "This channel has no API key any more.",
            "Set one with `{command} key`, or ask a Haltbot admin (`haltbot key set`).",
            "Set one: `haltbot key set`.",
        ),
        "KEY_UNDECRYPTABLE": Explanation(
            "This channel's stored key cannot be opened with Haltbot's encryption keys.",
            "Ask a Haltbot admin to check HALTBOT_ENCRYPTION_KEYS, or set the key again: `{command} key`.",
            "Check HALTBOT_ENCRYPTION_KEYS, or set the key again: `haltbot key set`.",
        ),
        "WRITE_BLOCKED_READONLY_KEY": Explanation(
            "This channel's API key may only read.",
            "Set a key with access mode READWRITE (`{command} key`), or ask a Haltbot admin.",
            "Issue a key with access mode READWRITE, and set it: `haltbot key set`.",
        ),
        "KEY_POLICY_READONLY_REQUIRED": Explanation(
            "The portal's policy allows this key only to read.",
            "Ask the portal's administrator to allow a READWRITE key.",
        ),
        "MANAGEMENT_KEY_NO_ENTITY_ACCESS": Explanation(
            "A management key (vibe_live_…) reaches no workflows.", *_PERSONAL_KEY
        ),
        "SCOPE_DENIED": Explanation(
            "This channel's API key lacks the scope *bizproc*.",
            "Scopes are fixed when a key is issued: set a new key with *bizproc* (`{command} key`), or ask a Haltbot admin.",
            "Scopes are fixed when a key is issued: issue a new one with bizproc, and set it: `haltbot key set`.",
        ),
        "BITRIX_ACCESS_DENIED": Explanation(
            "Bitrix24 refused: the key's owner is no portal administrator, or the key was issued without *bizproc*.",
            "Ask a portal administrator to issue the key, or to stop the workflow in the portal.",
            "Let a portal administrator issue the key, with the scope bizproc, and set it: `haltbot key set`.",
        ),
        "OAUTH_REQUIRED": Explanation("This call needs a signed-in Bitrix24 user.", *_PERSONAL_KEY),
        # The session behind the key
        "TOKEN_MISSING": Explanation("The key has no connected Bitrix24 account.", *_AUTHORISE),
        "TOKEN_EXPIRED": Explanation("The Bitrix24 session has ended.", *_AUTHORISE),
        "INVALID_SESSION": Explanation("The Bitrix24 session is not valid.", *_AUTHORISE),
        "SESSION_APP_MISMATCH": Explanation(
            "The session belongs to another application than the key.", *_AUTHORISE
        ),
        "INVALID_APP_KEY": Explanation(
            "An application key (vibe_app_…) was used without a session.",
            "Run `{command} connect`, or ask a Haltbot admin to set the key with its session (`haltbot key set --session`).",
            "Set the key with its session: `haltbot key set --session`.",
        ),
        # The account
        "BILLING_EXHAUSTED": Explanation("The Vibecode account's balance is used up.", *_TARIFF),
        "TRIAL_EXPIRED": Explanation("The Vibecode trial has ended.", *_TARIFF),
        "B24_TARIFF_RESTRICTION": Explanation("The portal's Bitrix24 plan does not include this.", *_TARIFF),
        # The request
        "ENTITY_NOT_FOUND": Explanation(
            "No such workflow is running: it finished, was stopped before, or the ID has a typo; Bitrix24 does not tell these apart.",
            "If something still runs, compare the ID with the portal's list of running workflows.",
        ),
        "ROUTE_NOT_FOUND": Explanation(
            "The address of the Vibecode API is wrong, so nothing was asked of Bitrix24.",
            "Ask a Haltbot admin to check VIBECODE_API_URL.",
            "Check VIBECODE_API_URL.",
        ),
        "VALIDATION_ERROR": Explanation(
            "Vibecode did not accept the request.", "Check the ID; if it is right, try a shorter reason."
        ),
        "BITRIX_ERROR": Explanation("Bitrix24 could not process the request.", *_STOP_THERE),
        "HTTP_414": Explanation("The reason is too long for Bitrix24.", _SHORTER_REASON),
        "HTTP_431": Explanation("The reason is too long for Bitrix24.", _SHORTER_REASON),
        # The weather
        "RATE_LIMITED": Explanation("Too many calls were made with this key or portal.", *_TRY_AGAIN),
        "QUEUE_OVERFLOW": Explanation("Vibecode's queue is full.", *_TRY_AGAIN),
        "ERROR_LOOP_DETECTED": Explanation(
            "Vibecode paused this key after many failing calls.",
            "Wait a few minutes, then run the command again.",
            _LOOK_AGAIN,
        ),
        "BITRIX_UNAVAILABLE": Explanation("Bitrix24 is unavailable.", *_TRY_AGAIN),
        "BITRIX_TIMEOUT": Explanation("Bitrix24 did not answer Vibecode in time.", *_TRY_AGAIN),
        "QUEUE_TIMEOUT": Explanation("The call waited too long in Vibecode's queue.", *_TRY_AGAIN),
        "INTERNAL_ERROR": Explanation("Vibecode had an internal error.", *_TRY_AGAIN),
        "TIMEOUT": Explanation("Vibecode did not answer in time.", *_TRY_AGAIN),
        "CONNECTION_LOST": Explanation("The connection to Vibecode was lost.", *_TRY_AGAIN),
        "CONNECTION_REFUSED": Explanation("Vibecode could not be reached.", *_UNREACHABLE),
        "CONNECT_TIMEOUT": Explanation("Vibecode could not be reached in time.", *_UNREACHABLE),
        "CONNECTION_FAILED": Explanation("No connection to Vibecode could be made.", *_UNREACHABLE),
        "ADDRESS_NOT_FOUND": Explanation("The name of the Vibecode server is not known.", *_CHECK_ADDRESS),
        "TLS_FAILED": Explanation("Vibecode's certificate was not accepted.", *_CHECK_ADDRESS),
        "PROXY_FAILED": Explanation("The proxy on the way to Vibecode refused.", *_CHECK_ADDRESS),
        "POOL_TIMEOUT": Explanation("Too many other calls to Vibecode were under way.", *_TRY_AGAIN),
        "INVALID_ADDRESS": Explanation("The address of the Vibecode API cannot be used.", *_CHECK_ADDRESS),
        "INVALID_REQUEST": Explanation(
            "The call could not be sent as it is.", "Check the ID, and try a shorter reason."
        ),
        "INVALID_WORKFLOW_ID": Explanation("Vibecode cannot be asked for this ID.", "Check the ID."),
        "INVALID_ANSWER": Explanation("Vibecode's answer could not be read.", *_TRY_AGAIN),
        # Haltbot itself
        "LIST_TOO_LONG": Explanation(
            "No answer came, and the portal runs too many workflows to read the whole list.", _LOOK_IN_PORTAL
        ),
        "REPEATED_CRASH": Explanation(
            "Haltbot failed again and again while it was working on this, which is our fault.",
            "Look in the portal whether it still runs, and give your admin the reference below.",
        ),
    }
)

_BY_CLASS: dict[int, Explanation] = N_(
    {
        401: Explanation("Vibecode did not accept this channel's key.", *_NEW_KEY),
        402: Explanation("The Vibecode account does not cover this call.", *_TARIFF),
        403: Explanation(
            "Vibecode or Bitrix24 refused: the key's rights do not suffice.",
            "Ask a Haltbot admin to check the key's owner and scope, or stop the workflow in the portal.",
            "Check the key's owner and scope.",
        ),
        404: EXPLANATIONS["ROUTE_NOT_FOUND"],
        429: EXPLANATIONS["RATE_LIMITED"],
        4: Explanation("Vibecode did not accept the request.", *_STOP_THERE),
        5: Explanation("Vibecode or Bitrix24 is having trouble.", *_TRY_AGAIN),
    }
)
_UNEXPECTED = Explanation(N_("Something unexpected went wrong on the way to Bitrix24."), *_TRY_AGAIN)


def explain(code: str | None, status: int | None) -> Explanation:
    """Return the code's entry; a code nobody has seen before is explained by its HTTP class."""
    if code in EXPLANATIONS:
        return EXPLANATIONS[code]
    if status is None:
        return _UNEXPECTED
    return _BY_CLASS.get(status) or _BY_CLASS.get(status // 100, _UNEXPECTED)
