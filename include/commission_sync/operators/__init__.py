"""Airflow operators: they adapt the streams to Airflow and hold no logic of their own."""
