"""The Web API's views.* methods."""

from sandbox.slack.block_kit import parsed_view
from sandbox.slack.errors import SlackRefusal
from sandbox.slack.installation import Arguments, Backend
from sandbox.slack.records import Json
from sandbox.slack.workspace import View

DEEPEST_STACK = 3


def view_json(backend: Backend, view: View) -> Json:
    """A view as Slack shows it to apps."""
    installed = backend.installation
    defaults: Json = {
        "private_metadata": "",
        "callback_id": "",
        "external_id": "",
        "clear_on_close": False,
        "notify_on_close": False,
        "title": None,
        "submit": None,
        "close": None,
    }
    return {
        "id": view.id,
        "team_id": installed.team,
        **defaults,
        **view.content,
        "state": {"values": view.values},
        "hash": view.hash,
        "previous_view_id": view.previous_id,
        "root_view_id": view.root_id,
        "app_id": installed.app_id,
        "app_installed_team_id": installed.team,
        "bot_id": installed.bot_id,
    }


def open_view(backend: Backend, arguments: Arguments) -> Json:
    content = parsed_view(arguments.get("view"), kind="modal")
    _refuse_duplicate(backend, content)
    person, _ = backend.triggers.exchange(arguments.required("trigger_id"))
    view = backend.workspace.new_view(person, content)
    backend.workspace.modals[person] = [view]
    return {"view": view_json(backend, view)}


def push_view(backend: Backend, arguments: Arguments) -> Json:
    content = parsed_view(arguments.get("view"), kind="modal")
    _refuse_duplicate(backend, content)
    person, _ = backend.triggers.exchange(arguments.required("trigger_id"))
    view = stack_view(backend, person, content)
    return {"view": view_json(backend, view)}


def stack_view(backend: Backend, person: str, content: Json) -> View:
    """Put a view on top of a person's open ones. Raises SlackRefusal when there are three already."""
    stack = backend.workspace.modals.setdefault(person, [])
    if not stack:
        raise SlackRefusal("not_found")
    if len(stack) >= DEEPEST_STACK:
        raise SlackRefusal("push_limit_reached")
    view = backend.workspace.new_view(person, content, below=stack[-1])
    stack.append(view)
    return view


def update_view(backend: Backend, arguments: Arguments) -> Json:
    view = backend.workspace.find_view(
        view_id=arguments.text("view_id"), external_id=arguments.text("external_id")
    )
    if view is None:
        raise SlackRefusal("not_found")
    content = parsed_view(arguments.get("view"), kind=view.content["type"])
    _refuse_stale(view, arguments)
    backend.workspace.replace_view(view, content)
    return {"view": view_json(backend, view)}


def publish_view(backend: Backend, arguments: Arguments) -> Json:
    content = parsed_view(arguments.get("view"), kind="home")
    person = backend.person(arguments.required("user_id"))
    home = backend.workspace.homes.get(person.id)
    if home is None:
        home = backend.workspace.new_view(person.id, content)
        backend.workspace.homes[person.id] = home
    else:
        _refuse_stale(home, arguments)
        backend.workspace.replace_view(home, content)
    return {"view": view_json(backend, home)}


def _refuse_stale(view: View, arguments: Arguments) -> None:
    if arguments.get("hash") is not None and arguments.text("hash") != view.hash:
        raise SlackRefusal("hash_conflict")


def _refuse_duplicate(backend: Backend, content: Json) -> None:
    external_id = content.get("external_id", "")
    if external_id and backend.workspace.find_view(external_id=external_id) is not None:
        raise SlackRefusal("duplicate_external_id")
