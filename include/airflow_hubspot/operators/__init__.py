"""Operators that anybody can use with a connection of type `hubspot`; see docs/provider.md."""

from airflow_hubspot.operators.read_objects import HubSpotReadObjectsOperator
from airflow_hubspot.operators.upsert_objects import HubSpotUpsertObjectsOperator

__all__ = ["HubSpotReadObjectsOperator", "HubSpotUpsertObjectsOperator"]
