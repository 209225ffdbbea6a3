"""Puts the parts together: the one place where adapters meet the core."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from bot.channels.authority import Authority
from bot.channels.breaker import Breaker
from bot.channels.connections import Connections
from bot.channels.key_service import KeyService
from bot.channels.keys import Keys
from bot.channels.lifecycle import Lifecycle
from bot.channels.links import Links
from bot.channels.settings_changes import SettingsChanges
from bot.channels.settings_service import SettingsService
from bot.channels.sharing import Sharing
from bot.config.settings import Settings
from bot.domain.pace import Pace
from bot.domain.reference import new_reference
from bot.instances.finder import Finder
from bot.messages.termination import Cards
from bot.operations.doctor.daily import Daily, configurers_of
from bot.operations.doctor.doctor import Doctor
from bot.operations.practice import PracticePool, RoutedWorkflows
from bot.operations.serving import Haltbot
from bot.slack.bolt import Bolt, Identity
from bot.slack.channels import SlackChannels
from bot.slack.directory import SlackDirectory
from bot.slack.home_publisher import SlackHome
from bot.slack.messenger import SlackMessenger
from bot.slack.web_api import open_session, slack_client
from bot.store.instrumented import counted
from bot.store.opening import open_store, open_vault
from bot.terminations.authorize import Authorizer
from bot.terminations.confirm import Confirmer
from bot.terminations.engine import Engine
from bot.terminations.execute import Executor
from bot.terminations.home import Home
from bot.terminations.lease import Leases
from bot.terminations.notifier import Notifier
from bot.terminations.queries import Queries
from bot.terminations.resume import Resumer
from bot.terminations.service import Terminations
from bot.terminations.watch import Watcher
from bot.terminations.worker import Alarm, Worker
from bot.vibecode.client import VibecodeClient, open_client
from bot.vibecode.oauth import VibecodeAuthorisation
from bot.web.pages import KeyPages
from handlers import register
from handlers.responder import Responder
from handlers.services import Services


@asynccontextmanager
async def build(settings: Settings, pace: Pace | None = None) -> AsyncIterator[Haltbot]:
    """Open what the bot needs, wire it, and close it again. Raises SettingsInvalid, StoreError."""
    pace = pace or pace_of(settings)
    async with AsyncExitStack() as stack:
        vault = open_vault(settings)
        store = counted(
            await open_store(settings.database_url, owner=new_reference(), lease_ms=pace.lease_ms)
        )
        stack.push_async_callback(store.close)
        session = await stack.enter_async_context(open_session(settings.slack_api_url))
        client = slack_client(session, settings.slack_api_url, settings.slack_bot_token.get_secret_value())
        http = await stack.enter_async_context(
            open_client(
                settings.vibecode_api_url,
                timeout_seconds=settings.vibecode_timeout_seconds,
                connect_seconds=settings.vibecode_connect_seconds,
            )
        )
        cards = Cards(
            settings.vibecode_api_url.rstrip("/") + "/v1/oauth/authorize",
            connects=settings.haltbot_public_url is not None,
        )
        messenger = SlackMessenger(client, session, cards.termination)
        channels = SlackChannels(client)
        identity = Identity(client)
        vibecode = VibecodeClient(http)
        workflows = RoutedWorkflows(vibecode, PracticePool(store))
        finder = Finder(workflows, store, pace.calls_per_second)

        keys = Keys(store, vault)
        authority = Authority(store, SlackDirectory(client), settings.owners)
        changes = SettingsChanges(store)
        breaker = Breaker(store, authority, changes, messenger.notify)
        links = Links(store, settings.haltbot_public_url)
        configurers = partial(configurers_of, store, settings.owners)
        doctor = Doctor(settings, store, keys, client, vibecode)
        daily = Daily(store, doctor, messenger.tell, configurers)

        alarm = Alarm()
        leases = Leases(store, alarm, pace)
        notifier = Notifier(leases, messenger, vault, Sharing(store, channels), pace)
        engine = Engine(
            leases,
            notifier,
            Authorizer(leases, notifier, authority, breaker, pace),
            Confirmer(leases, notifier, keys, finder, pace),
            Executor(leases, notifier, keys, workflows, finder, pace),
            Watcher(leases, notifier, keys, finder, pace),
            pace,
        )
        worker = Worker(store, engine.run, alarm)
        services = Services(
            terminations=Terminations(store, vault, authority, start=worker.start, has_room=worker.has_room),
            queries=Queries(store, authority, keys, finder),
            settings=SettingsService(authority, changes),
            breaker=breaker,
            keys=KeyService(store, keys, links, vibecode, authority),
            connections=Connections(
                store,
                authority,
                keys,
                vault,
                links,
                VibecodeAuthorisation(vibecode, http.base_url),
                notify=messenger.notify,
                resume=Resumer(store, start=worker.start, has_room=worker.has_room).resume,
            ),
            lifecycle=Lifecycle(store, keys, channels, notify=messenger.notify, configurers=configurers),
            home=Home(
                store,
                authority,
                SlackHome(client, lambda: identity.domain),
                configurers=configurers,
                channels=daily.channels,
            ),
        )
        responder = Responder(messenger)
        public_url = settings.haltbot_public_url
        yield Haltbot(
            settings=settings,
            store=store,
            client=client,
            session=session,
            identity=identity,
            bolt=Bolt(client, identity, lambda app: register(app, responder, services)),
            worker=worker,
            responder=responder,
            messenger=messenger,
            daily=daily,
            connections=services.connections,
            pages=KeyPages(services.keys, services.connections, public_url) if public_url else None,
        )


def pace_of(settings: Settings) -> Pace:
    return Pace(
        calls_per_second=settings.haltbot_vibecode_rate,
        confirmation_ms=settings.haltbot_confirmation_seconds * 1000,
        watch_ms=settings.haltbot_watch_seconds * 1000,
        soft_first_ms=settings.haltbot_soft_first_seconds * 1000 if settings.haltbot_soft_first else None,
    )
