"""The four roles, and what each may do to which table; declarations only.

Every role is a group without a login: people and processes get logins of their own in it.
"""

from __future__ import annotations

from collections.abc import Mapping

MIGRATE = "commission_migrate"
SYNC = "commission_sync"
WEB = "commission_web"
READONLY = "commission_readonly"

ROLES: Mapping[str, str] = {
    MIGRATE: "owns every table; for migrations, adoptions and this command, and for nothing that runs all day",
    SYNC: "the Airflow workers: reads and writes rows, changes no table, rewrites no log",
    WEB: "the pages, the receiver and the health check: reads no token, removes no record",
    READONLY: "people and reports: reads the companies that it was given, no credentials, no webhooks",
}

READ = "SELECT"
ADD = "SELECT, INSERT"
EDIT = "SELECT, INSERT, UPDATE"
ALL = "SELECT, INSERT, UPDATE, DELETE"

# What differs from the role's rule for all tables; None: nothing at all.
SYNC_RULE = ALL
SYNC_EXCEPT: Mapping[str, str | None] = {
    "audit_log": ADD,
    "fx_fixed_rates": READ,
    "fx_rates": ADD,
    # The commission engine's: a merge of deals moves a commission to the survivor, and that is all.
    "deal_commissions": "SELECT, UPDATE (deal_id)",
    "commission_sync_version": READ,
    # The trigger's alone; a merge of deals moves one to the survivor.
    "commission_fingerprints": "SELECT, UPDATE (deal_id)",
    "data_readers": None,
    "oauth_states": None,
}

WEB_RULE = READ
WEB_EXCEPT: Mapping[str, str | None] = {
    # A consent stores tokens; no page ever has to read one. The columns are all but refresh_token and access_token.
    "crm_credentials": "INSERT, UPDATE, SELECT ({columns})",
    "oauth_states": ALL,
    "audit_log": ADD,
    "alert_incidents": EDIT,
    "commission_reviews": EDIT,
    "commission_writebacks": EDIT,
    "crm_integrations": EDIT,
    "feature_flags": EDIT,
    "mapping_versions": EDIT,
    "sync_rejects": EDIT,
    "webhook_events": EDIT,
    "webhook_lanes": EDIT,
    "writeback_plans": EDIT,
    "data_readers": None,
}

# Columns that hold a secret, or what leads to one; who is granted `{columns}` gets the others.
SECRET_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "crm_credentials": ("refresh_token", "access_token"),
    "crm_integrations": ("conn_id", "verified_token_fingerprint"),
}

# What readers see. A later table is not among them before somebody has put it here.
READABLE: Mapping[str, str] = {
    "audit_log": READ,
    "commission_fingerprints": READ,
    "commission_reviews": READ,
    "commission_writebacks": READ,
    "crm_integrations": "SELECT ({columns})",
    "crm_owners": READ,
    "crm_products": READ,
    "crm_stages": READ,
    "deal_activities": READ,
    "deal_commissions": READ,
    "deal_line_items": READ,
    "deal_objects": READ,
    "deal_splits": READ,
    "deals": READ,
    "fx_entered_rates": READ,
    "mapping_breaches": READ,
    "mapping_problems": READ,
    "mapping_versions": READ,
    "property_catalog": READ,
    "property_history": READ,
    "property_history_reads": READ,
    "reconcile_checks": READ,
    "sync_cursors": READ,
    "sync_receipts": READ,
    "sync_rejects": READ,
    "sync_runs": READ,
    "sync_stream_status": READ,
    "writeback_plans": READ,
}
# The same for everybody: exchange rates are of no company.
READABLE_BY_ALL = ("fx_fixed_rates", "fx_rate_corrections", "fx_rates")
READABLE_VIEWS = (
    "deals_fx_drift",
    "deals_waiting_for_rate",
    "fx_rates_in_force",
    "sync_completeness",
    "sync_coverage",
    "writeback_problems",
)

# By what a row belongs to a company, where that is not its integration_id.
BELONGS: Mapping[str, str] = {
    "crm_integrations": "id = ANY (ARRAY(SELECT readable_integrations(current_user::text)))",
    # The policy of deals counts in here, too.
    "deal_commissions": "EXISTS (SELECT FROM deals d WHERE d.id = deal_id)",
}
# Worked out once per query, so that indexes stay of use.
BELONGS_BY_INTEGRATION = "integration_id = ANY (ARRAY(SELECT readable_integrations(current_user::text)))"
