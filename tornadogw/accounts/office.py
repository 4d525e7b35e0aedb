"""The services that command line, pages and admin API share, made once over one database."""

from __future__ import annotations

import secrets

import msgspec

from tornadogw.accounts.accounts import Accounts
from tornadogw.accounts.addresses import Addresses
from tornadogw.accounts.admin_tokens import AdminTokens
from tornadogw.accounts.audit import Audit
from tornadogw.accounts.codes import Codes
from tornadogw.accounts.desk import Desk
from tornadogw.accounts.identities import Identities
from tornadogw.accounts.keys import Keys
from tornadogw.accounts.letters import Mailer, Post
from tornadogw.accounts.logins import Logins
from tornadogw.accounts.marks import Marks
from tornadogw.accounts.orders import Orders
from tornadogw.accounts.own import Own
from tornadogw.accounts.plans import Plans
from tornadogw.accounts.recovery import Recovery
from tornadogw.accounts.registration import Registration
from tornadogw.accounts.subscriptions import Subscriptions
from tornadogw.accounts.tries import Tries
from tornadogw.accounts.two_factor import TwoFactor
from tornadogw.seals import Seal
from tornadogw.secret import Secret
from tornadogw.settings import Settings
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_accounts import MongoAccounts
from tornadogw.store.mongo_admin_tokens import MongoAdminTokens
from tornadogw.store.mongo_audit import MongoAudit
from tornadogw.store.mongo_calls import MongoCalls
from tornadogw.store.mongo_codes import MongoCodes
from tornadogw.store.mongo_days import MongoDays
from tornadogw.store.mongo_decisions import MongoDecisions
from tornadogw.store.mongo_factors import MongoFactors
from tornadogw.store.mongo_health import MongoHealth
from tornadogw.store.mongo_identities import MongoIdentities
from tornadogw.store.mongo_keys import MongoKeys
from tornadogw.store.mongo_links import MongoLinks
from tornadogw.store.mongo_logins import MongoLogins
from tornadogw.store.mongo_orders import MongoOrders
from tornadogw.store.mongo_payments import MongoPayments
from tornadogw.store.mongo_plans import MongoPlans
from tornadogw.store.mongo_subscriptions import MongoSubscriptions
from tornadogw.store.mongo_totals import MongoTotals
from tornadogw.store.mongo_tries import MongoTries
from tornadogw.store.mongo_uses import MongoUses
from tornadogw.store.ports import PaymentStore
from tornadogw.store.ports_decisions import CallStore, DecisionStore
from tornadogw.store.ports_health import HealthStore
from tornadogw.store.ports_usage import DayStore, TotalStore, UseStore

__all__ = ["Office", "office"]


class Office(msgspec.Struct, frozen=True):
    """Each service once."""

    accounts: Accounts
    keys: Keys
    plans: Plans
    subscriptions: Subscriptions
    codes: Codes
    orders: Orders
    audit: Audit
    logins: Logins
    tries: Tries
    registration: Registration
    recovery: Recovery
    own: Own
    addresses: Addresses
    two_factor: TwoFactor
    identities: Identities
    days: DayStore
    decisions: DecisionStore
    health: HealthStore
    desk: Desk
    marks: Marks
    calls: CallStore
    payments: PaymentStore
    totals: TotalStore
    uses: UseStore
    admin_tokens: AdminTokens


def office(mongo: Mongo, secret: Secret, settings: Settings, mailer: Mailer | None = None) -> Office:
    """Those of one database. `mailer`: None, nobody is written to."""
    store, zone = MongoAccounts(mongo), settings.money.time_zone
    accounts, plans, tries = Accounts(store), Plans(MongoPlans(mongo)), Tries(MongoTries(mongo))
    keys = Keys(MongoKeys(mongo), store, secret.key_hash_key)
    subscriptions = Subscriptions(MongoSubscriptions(mongo), accounts, plans, time_zone=zone)
    audit, logins = Audit(MongoAudit(mongo), accounts), Logins(MongoLogins(mongo), days=settings.portal.login_days)
    own = Own(accounts, logins, tries, audit)
    two_factor = TwoFactor(MongoFactors(mongo), own, tries, Seal(secret.totp_key), settings.portal.title)
    links, mode = MongoLinks(mongo), settings.portal.registration
    post = None if mailer is None else Post(mailer, settings.server.public_url, settings.portal.title)
    addresses = Addresses(links, accounts, logins, own, tries, post)
    health = MongoHealth(mongo, secrets.token_hex(8))
    return Office(
        accounts=accounts,
        keys=keys,
        plans=plans,
        subscriptions=subscriptions,
        codes=Codes(MongoCodes(mongo), accounts, plans, secret.code_hash_key),
        orders=Orders(MongoOrders(mongo), accounts),
        audit=audit,
        logins=logins,
        tries=tries,
        registration=Registration(links, accounts, tries, mode, post=post),
        recovery=Recovery(links, accounts, logins, tries, post),
        own=own,
        addresses=addresses,
        two_factor=two_factor,
        identities=Identities(MongoIdentities(mongo), accounts, settings),
        days=MongoDays(mongo, zone),
        decisions=MongoDecisions(mongo),
        health=health,
        desk=Desk(accounts, keys, subscriptions, logins, audit, two_factor, addresses),
        marks=Marks(health, audit),
        calls=MongoCalls(mongo),
        payments=MongoPayments(mongo),
        totals=MongoTotals(mongo, zone),
        uses=MongoUses(mongo),
        admin_tokens=AdminTokens(MongoAdminTokens(mongo), accounts),
    )
