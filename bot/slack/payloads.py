"""The shape that Slack's requests must have before Bolt and the handlers see them."""

from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)


def _storable(text: str) -> str:
    # Not every database stores a NUL, and nobody types one. Half of a character is refused by pydantic itself.
    if "\0" in text:
        raise ValueError("contains a NUL")
    return text


Identifier = Annotated[str, StringConstraints(min_length=1, max_length=255), AfterValidator(_storable)]
IdentifierOrNone = Annotated[str, StringConstraints(max_length=255), AfterValidator(_storable)]
Text = Annotated[str, StringConstraints(max_length=200_000), AfterValidator(_storable)]


class Malformed(Exception):
    """A request that carries a good signature and still is not one of Slack's."""


class _SlashCommand(BaseModel):
    command: Identifier
    team_id: IdentifierOrNone = ""
    channel_id: Identifier
    user_id: Identifier
    trigger_id: Identifier
    text: Text = ""
    response_url: Text | None = None
    team_domain: Text | None = None
    enterprise_id: Text | None = None

    @model_validator(mode="after")
    def _is_from_somewhere(self) -> Self:
        if not self.team_id and not self.enterprise_id:
            raise ValueError("names neither a workspace nor an organisation")
        return self


class _Id(BaseModel):
    id: Identifier


class _User(_Id):
    team_id: Identifier | None = None


class _Container(BaseModel):
    """A message, or a view, which has no ``message_ts``."""

    type: Identifier | None = None
    channel_id: Identifier | None = None
    message_ts: Identifier | None = None
    view_id: Identifier | None = None

    @model_validator(mode="after")
    def _is_somewhere(self) -> Self:
        if self.message_ts is None and self.view_id is None:
            raise ValueError("is neither a message nor a view")
        return self


class _Action(BaseModel):
    action_id: Identifier
    type: Identifier
    value: Text | None = None


class _BlockActions(BaseModel):
    type: Identifier
    user: _User
    team: _Id | None = None
    enterprise: _Id | None = None
    channel: _Id | None = None
    container: _Container
    actions: Annotated[list[_Action], Field(min_length=1)]
    response_url: Text | None = None


class _View(BaseModel):
    id: Identifier
    type: Identifier | None = None
    callback_id: Text | None = None
    private_metadata: Text | None = None
    app_installed_team_id: Identifier | None = None


class _Event(BaseModel):
    type: Identifier
    subtype: Text | None = None
    user: dict[str, Any] | Text | None = None
    channel: dict[str, Any] | Text | None = None


class _Authorization(BaseModel):
    enterprise_id: Text | None = None
    team_id: Text | None = None
    user_id: Text | None = None


class _Other(BaseModel):
    """Events, modals, and whatever Bolt answers by itself."""

    type: Identifier
    team_id: Identifier | None = None
    user: _User | Text | None = None
    team: _Id | Text | None = None
    enterprise: _Id | Text | None = None
    channel: _Id | Text | None = None
    callback_id: Text | None = None
    action_id: Text | None = None
    challenge: Text | None = None
    view: _View | None = None
    event: _Event | None = None
    authorizations: list[_Authorization] | None = None


_COMMAND = TypeAdapter(_SlashCommand)
_ACTIONS = TypeAdapter(_BlockActions)
_OTHER = TypeAdapter(_Other)


def check(body: object) -> dict[str, Any]:
    """Return the body if it has the shape of what it says that it is, without its nulls. Raises Malformed."""
    if not isinstance(body, dict):
        raise Malformed("not an object")
    shape = _COMMAND if "command" in body else _ACTIONS if body.get("type") == "block_actions" else _OTHER
    try:
        shape.validate_python(body)
    except ValidationError as error:
        places = sorted({".".join(map(str, problem["loc"])) for problem in error.errors(include_input=False)})
        raise Malformed(", ".join(places)) from None
    # Slack writes null for what is not there; Bolt takes for there whatever is named.
    return {name: value for name, value in body.items() if value is not None}
