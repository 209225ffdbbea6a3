"""The Web API's methods that tell about the workspace: auth, conversations, users, user groups."""

from datetime import UTC, datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from sandbox.slack.errors import SlackRefusal
from sandbox.slack.installation import Arguments, Backend
from sandbox.slack.methods_chat import message_json
from sandbox.slack.records import Json
from sandbox.slack.workspace import Message, UserGroup

T = TypeVar("T")


def auth_test(backend: Backend, _arguments: Arguments) -> Json:
    installed = backend.installation
    return {
        "url": f"https://{installed.team_domain}.slack.com/",
        "team": "Sandbox",
        "user": "haltbot",
        "team_id": installed.team,
        "user_id": installed.bot_user,
        "bot_id": installed.bot_id,
        "is_enterprise_install": False,
    }


def bots_info(backend: Backend, arguments: Arguments) -> Json:
    installed = backend.installation
    if arguments.text("bot", installed.bot_id) != installed.bot_id:
        raise SlackRefusal("bot_not_found")
    bot = {
        "id": installed.bot_id,
        "name": "Haltbot",
        "app_id": installed.app_id,
        "user_id": installed.bot_user,
    }
    return {"bot": bot | {"deleted": False}}


def connections_open(backend: Backend, _arguments: Arguments) -> Json:
    if not backend.installation.socket_mode_enabled:
        raise SlackRefusal("link_disabled")
    return {"url": backend.open_connection_url()}


def conversations_info(backend: Backend, arguments: Arguments) -> Json:
    channel = backend.visible_channel(arguments.required("channel"))
    backend.require_scope(backend.scope_for(channel, "read"))
    external = any(team != backend.installation.team for team in channel.shared_with)
    shown: Json = {
        "id": channel.id,
        "is_channel": not channel.dm,
        "is_group": False,
        "is_im": channel.dm,
        "is_mpim": False,
        "is_private": channel.private or channel.dm,
        "is_archived": channel.archived,
        "is_member": channel.bot_is_member,
        "is_shared": external,
        "is_ext_shared": external,
        "is_org_shared": False,
        "context_team_id": backend.installation.team,
    }
    if channel.dm:
        shown["user"] = next(iter(channel.member_ids or ()), "")
    else:
        shown |= {
            "name": channel.name,
            "name_normalized": channel.name,
            "shared_team_ids": [*channel.shared_with],
        }
    if arguments.flag("include_locale"):
        shown["locale"] = channel.locale
    if arguments.flag("include_num_members"):
        shown["num_members"] = len(backend.workspace.members(channel))
    return {"channel": shown}


def conversations_open(backend: Backend, arguments: Arguments) -> Json:
    if arguments.get("channel") is not None:
        return {"channel": {"id": backend.visible_channel(arguments.text("channel")).id}}
    users = [user for user in arguments.required("users").split(",") if user]
    if len(users) != 1:
        raise SlackRefusal("too_many_users")
    channel = backend.workspace.direct_channel(backend.person(users[0]))
    return {"channel": {"id": channel.id}, "no_op": False, "already_open": False}


def conversations_members(backend: Backend, arguments: Arguments) -> Json:
    channel = backend.visible_channel(arguments.required("channel"))
    backend.require_scope(backend.scope_for(channel, "read"))
    members, next_cursor = _page(backend.workspace.members(channel), arguments, 100)
    return {"members": members, "response_metadata": {"next_cursor": next_cursor}}


def conversations_history(backend: Backend, arguments: Arguments) -> Json:
    channel = backend.visible_channel(arguments.required("channel"))
    backend.require_scope(backend.scope_for(channel, "history"))
    if not channel.bot_is_member:
        raise SlackRefusal("not_in_channel")
    oldest, latest = _time(arguments, "oldest", "0"), _time(arguments, "latest", "inf")
    inclusive = arguments.flag("inclusive")

    def wanted(message: Message) -> bool:
        ts = float(message.ts)
        inside = oldest < ts < latest or (inclusive and ts in {oldest, latest})
        return inside and message.channel == channel.id and not message.visible_to and not message.thread_ts

    found = [message for message in reversed(backend.workspace.messages) if wanted(message)]
    page, next_cursor = _page(found, arguments, 100)
    shown = []
    for message in page:
        entry = message_json(backend, message)
        if message.metadata and arguments.flag("include_all_metadata"):
            entry["metadata"] = message.metadata
        shown.append(entry)
    answer: Json = {"messages": shown, "has_more": bool(next_cursor)}
    return answer | ({"response_metadata": {"next_cursor": next_cursor}} if next_cursor else {})


def _time(arguments: Arguments, name: str, default: str) -> float:
    try:
        return float(arguments.text(name, default))
    except ValueError:
        raise SlackRefusal(f"invalid_ts_{name}") from None


def users_info(backend: Backend, arguments: Arguments) -> Json:
    person = backend.person(arguments.required("user"))
    external = person.team != backend.installation.team
    offset = datetime.now(UTC).astimezone(ZoneInfo(person.tz)).utcoffset()
    shown: Json = {
        "id": person.id,
        "team_id": person.team,
        "name": person.name,
        "real_name": person.name,
        "deleted": person.deleted,
        "is_admin": person.admin,
        "is_owner": False,
        "is_bot": person.bot,
        "is_restricted": person.guest,
        "is_ultra_restricted": False,
        "is_app_user": False,
        "tz": person.tz,
        "tz_label": person.tz,
        "tz_offset": int(offset.total_seconds()) if offset else 0,
        "profile": {"real_name": person.name, "display_name": person.name, "team": person.team},
    }
    if external:
        shown["is_stranger"] = True
    elif arguments.flag("include_locale"):
        shown["locale"] = person.locale
    return {"user": shown}


def usergroups_list(backend: Backend, arguments: Arguments) -> Json:
    groups = backend.workspace.user_groups.values()
    with_disabled = arguments.flag("include_disabled")
    shown = []
    for group in groups:
        if group.disabled and not with_disabled:
            continue
        entry = _group_json(backend, group)
        if arguments.flag("include_users"):
            entry["users"] = group.user_ids
        shown.append(entry)
    return {"usergroups": shown}


def usergroups_users_list(backend: Backend, arguments: Arguments) -> Json:
    group = backend.workspace.user_groups.get(arguments.required("usergroup"))
    if group is None:
        raise SlackRefusal("no_such_subteam")
    return {"users": group.user_ids}


def _group_json(backend: Backend, group: UserGroup) -> Json:
    return {
        "id": group.id,
        "team_id": backend.installation.team,
        "is_usergroup": True,
        "name": group.handle,
        "handle": group.handle,
        "date_delete": 1 if group.disabled else 0,
        "user_count": len(group.user_ids),
    }


def _page(everything: list[T], arguments: Arguments, default: int) -> tuple[list[T], str]:
    limit = max(1, min(arguments.number("limit", default), 1000))
    start = arguments.number("cursor", 0)
    end = start + limit
    return everything[start:end], str(end) if end < len(everything) else ""
