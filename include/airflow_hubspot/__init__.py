"""A HubSpot provider for Apache Airflow: a client, a hook, operators, a sensor and a retry policy."""

__version__ = "0.1.0"
