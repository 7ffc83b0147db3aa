"""The tables, as typed definitions; migrations create them, and a test holds the two together."""

from commission_sync.store.models.audit import AuditEntry
from commission_sync.store.models.base import Base
from commission_sync.store.models.catalog import CatalogProperty
from commission_sync.store.models.commissions import DealCommission
from commission_sync.store.models.deals import Deal
from commission_sync.store.models.fx import FxFetch, FxRate, FxRateCorrection, FxRateReject
from commission_sync.store.models.integrations import CrmIntegration, SyncCursor
from commission_sync.store.models.runs import SyncReceipt, SyncReject, SyncRun
from commission_sync.store.models.writebacks import (
    CommissionFingerprint,
    CommissionReview,
    CommissionWriteback,
    WritebackPlan,
)

__all__ = [
    "AuditEntry",
    "Base",
    "CatalogProperty",
    "CommissionFingerprint",
    "CommissionReview",
    "CommissionWriteback",
    "CrmIntegration",
    "Deal",
    "DealCommission",
    "FxFetch",
    "FxRate",
    "FxRateCorrection",
    "FxRateReject",
    "SyncCursor",
    "SyncReceipt",
    "SyncReject",
    "SyncRun",
    "WritebackPlan",
]
