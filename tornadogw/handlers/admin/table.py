"""Every operation of the admin API. Routing, checks and the OpenAPI document are made of this table."""

from __future__ import annotations

from collections.abc import Sequence

from tornadogw.handlers.admin import accounts, dry, keys, records, supply, system, trade
from tornadogw.handlers.admin.operation import Operation

__all__ = ["OPERATIONS"]

ACCOUNT = "accounts/{account_id}"
UPSTREAM = "upstreams/{name}"
KEY = f"{ACCOUNT}/keys/{{key_id}}"

OPERATIONS: Sequence[Operation] = (
    Operation("GET", "accounts", "accounts:read", accounts.search, "Accounts by e-mail address"),
    Operation("POST", "accounts", "accounts:write", accounts.create, "Make an account"),
    Operation("GET", ACCOUNT, "accounts:read", accounts.show, "An account and its balance"),
    Operation("PATCH", ACCOUNT, "accounts:write", accounts.change, "Change role, status, time zone or language"),
    Operation("POST", f"{ACCOUNT}/password", "accounts:write", accounts.reset_password, "Give it a new password"),
    Operation(
        "DELETE", f"{ACCOUNT}/two-factor", "accounts:write", accounts.end_two_factor, "Take its second factor away"
    ),
    Operation("GET", f"{ACCOUNT}/payments", "accounts:read", accounts.payments, "What was paid in or taken back"),
    Operation("GET", f"{ACCOUNT}/orders", "accounts:read", accounts.orders, "Its orders, newest first"),
    Operation("POST", f"{ACCOUNT}/credits", "money:write", accounts.credit, "Pay money in, once a reference"),
    Operation("POST", f"{ACCOUNT}/debits", "money:write", accounts.debit, "Take money back, once a reference"),
    Operation("GET", f"{ACCOUNT}/subscriptions", "accounts:read", accounts.subscriptions, "Its plans and time zone"),
    Operation("POST", f"{ACCOUNT}/subscriptions", "accounts:write", accounts.subscribe, "Give it a plan"),
    Operation("DELETE", f"{ACCOUNT}/subscriptions", "accounts:write", accounts.end_subscriptions, "End its plans now"),
    Operation("GET", f"{ACCOUNT}/logins", "accounts:read", accounts.logins, "Where it is logged in"),
    Operation("DELETE", f"{ACCOUNT}/logins", "accounts:write", accounts.end_logins, "Log it out everywhere"),
    Operation(
        "DELETE", f"{ACCOUNT}/logins/{{login_id}}", "accounts:write", accounts.end_login, "End one of its logins"
    ),
    Operation("GET", f"{ACCOUNT}/keys", "keys:read", keys.of_account, "Its API keys, oldest first"),
    Operation("POST", f"{ACCOUNT}/keys", "keys:write", keys.create, "Make an API key; its text is shown once"),
    Operation("PATCH", KEY, "keys:write", keys.change, "Disable, enable or change a key"),
    Operation("POST", f"{KEY}/rotate", "keys:write", keys.rotate, "Give a key a new text, shown once"),
    Operation("GET", f"{ACCOUNT}/usage", "usage:read", records.of_account, "What it used, day by day"),
    Operation("GET", "keys", "keys:read", keys.search, "API keys of whatever account"),
    Operation("GET", "plans", "plans:read", trade.plans, "Plans by name"),
    Operation("POST", "plans", "plans:write", trade.create_plan, "Make a plan"),
    Operation("GET", "plans/{name}", "plans:read", trade.plan, "A plan"),
    Operation("PATCH", "plans/{name}", "plans:write", trade.change_plan, "Change a plan, for who has it, too"),
    Operation("POST", "plans/{name}/archive", "plans:write", trade.archive_plan, "Nobody new gets the plan"),
    Operation("POST", "plans/{name}/offer", "plans:write", trade.offer_plan, "An archived plan is offered again"),
    Operation("GET", "code-batches", "codes:read", trade.batches, "Batches of redeem codes, newest first"),
    Operation("POST", "code-batches", "codes:write", trade.create_batch, "Make redeem codes, shown once"),
    Operation("POST", "code-batches/{batch_id}/void", "codes:write", trade.void_batch, "Void what is not used of it"),
    Operation("GET", "invitations", "accounts:read", trade.invitations, "Invitations that are good"),
    Operation("POST", "invitations", "accounts:write", trade.invite, "Make an invitation; its code is shown once"),
    Operation("DELETE", "invitations/{invitation_id}", "accounts:write", trade.withdraw, "Withdraw an invitation"),
    Operation("GET", "usage", "usage:read", records.totals, "Usage of all accounts by day, model and upstream"),
    Operation("GET", "calls", "usage:read", records.calls, "Calls, newest first"),
    Operation("GET", "calls/{request_id}", "usage:read", records.decisions, "Why the requests of this id went so"),
    Operation("GET", "audit", "audit:read", records.audit, "The audit log, newest first"),
    Operation("GET", "upstreams", "upstreams:read", supply.upstreams, "Upstreams of the file and of the database"),
    Operation("POST", "upstreams", "upstreams:write", supply.add_upstream, "Add an upstream to the database"),
    Operation("GET", UPSTREAM, "upstreams:read", supply.upstream, "An upstream, without its secrets"),
    Operation("PATCH", UPSTREAM, "upstreams:write", supply.change_upstream, "Change an upstream of the database"),
    Operation("DELETE", UPSTREAM, "upstreams:write", supply.remove_upstream, "Remove an upstream of the database"),
    Operation("POST", f"{UPSTREAM}/keys", "upstreams:write", supply.add_key, "Give an upstream one more key"),
    Operation(
        "POST", f"{UPSTREAM}/keys/replace", "upstreams:write", supply.replace_key, "Put a key in another's place"
    ),
    Operation("POST", f"{UPSTREAM}/keys/remove", "upstreams:write", supply.remove_key, "Take a key from an upstream"),
    Operation(
        "POST",
        f"{UPSTREAM}/test",
        "upstreams:write",
        supply.test_upstream,
        "Ask it for a token a model and key; use again what answers",
    ),
    Operation("GET", "models", "upstreams:read", supply.models, "Models of the file and of the database"),
    Operation("POST", "models", "upstreams:write", supply.add_model, "Add a model to the database"),
    Operation("GET", "models/{name}", "upstreams:read", supply.model, "A model, its price and routes"),
    Operation("PATCH", "models/{name}", "upstreams:write", supply.change_model, "Change a model of the database"),
    Operation("DELETE", "models/{name}", "upstreams:write", supply.remove_model, "Remove a model of the database"),
    Operation("GET", "dry-run", "upstreams:read", dry.run, "Where a request would go, and why; nobody is asked"),
    Operation("GET", "marks", "upstreams:read", system.marks, "What is left alone of upstreams"),
    Operation("POST", "marks/enable", "upstreams:write", system.enable, "Use an upstream or a key of it again"),
    Operation("GET", "settings", "settings:read", system.settings, "Settings in force and where each comes from"),
    Operation("GET", "plugins", "settings:read", system.plugins, "Plugins that are installed, and what they do"),
    Operation("GET", "tokens", "tokens:read", system.tokens, "Admin tokens, newest first"),
    Operation("POST", "tokens", "tokens:write", system.create_token, "Make a token; its text is shown once"),
    Operation("DELETE", "tokens/{token_id}", "tokens:write", system.revoke_token, "Revoke a token"),
)
