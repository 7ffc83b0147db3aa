"""The tables, as typed definitions; migrations create them, and a test holds the two together."""

from commission_sync.store.models.access import DataReader
from commission_sync.store.models.alerts import AlertIncident
from commission_sync.store.models.audit import AuditEntry
from commission_sync.store.models.base import Base
from commission_sync.store.models.catalog import CatalogProperty
from commission_sync.store.models.commissions import DealCommission
from commission_sync.store.models.credentials import Credentials, OAuthState
from commission_sync.store.models.deals import Deal
from commission_sync.store.models.flags import FeatureFlag
from commission_sync.store.models.fx import FxEnteredRate, FxFetch, FxFixedRate, FxRate, FxRateCorrection, FxRateReject
from commission_sync.store.models.gate import ApiBudget, CachedAnswer, CircuitBreaker
from commission_sync.store.models.history import (
    PropertyHistory,
    PropertyHistoryRead,
    ReconcileCheck,
    ReconcileState,
)
from commission_sync.store.models.integrations import CrmIntegration, SyncCursor
from commission_sync.store.models.mapping import MappingBreach, MappingProblem, MappingVersion
from commission_sync.store.models.quality import DataQualityFinding, DataQualityScore
from commission_sync.store.models.records import Activity, DealObject, DealSplit, LineItem
from commission_sync.store.models.reference import Owner, Product, Stage
from commission_sync.store.models.runs import StreamStatus, SyncReceipt, SyncReject, SyncRun
from commission_sync.store.models.webhooks import WebhookEvent, WebhookLane
from commission_sync.store.models.writebacks import (
    CommissionFingerprint,
    CommissionReview,
    CommissionWriteback,
    WritebackPlan,
)

__all__ = [
    "Activity",
    "AlertIncident",
    "ApiBudget",
    "AuditEntry",
    "Base",
    "CachedAnswer",
    "CatalogProperty",
    "CircuitBreaker",
    "CommissionFingerprint",
    "CommissionReview",
    "CommissionWriteback",
    "Credentials",
    "CrmIntegration",
    "DataQualityFinding",
    "DataQualityScore",
    "DataReader",
    "Deal",
    "DealCommission",
    "DealObject",
    "DealSplit",
    "FeatureFlag",
    "FxEnteredRate",
    "FxFetch",
    "FxFixedRate",
    "FxRate",
    "FxRateCorrection",
    "FxRateReject",
    "LineItem",
    "MappingBreach",
    "MappingProblem",
    "MappingVersion",
    "OAuthState",
    "Owner",
    "Product",
    "PropertyHistory",
    "PropertyHistoryRead",
    "ReconcileCheck",
    "ReconcileState",
    "Stage",
    "StreamStatus",
    "SyncCursor",
    "SyncReceipt",
    "SyncReject",
    "SyncRun",
    "WebhookEvent",
    "WebhookLane",
    "WritebackPlan",
]
