"""What the product serves over HTTP, inside Airflow's web server."""
