"""The pages in a real browser: a package, so that the Airflow which they share ends with its last test."""
