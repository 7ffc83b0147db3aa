"""A HubSpot provider for Apache Airflow: a client, a hook and a retry policy."""
