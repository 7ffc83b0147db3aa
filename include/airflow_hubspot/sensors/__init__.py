"""Sensors that anybody can use with a connection of type `hubspot`; see docs/provider.md."""

from airflow_hubspot.sensors.search import HubSpotSearchSensor

__all__ = ["HubSpotSearchSensor"]
