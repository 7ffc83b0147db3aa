"""Airflow hooks for HubSpot."""
