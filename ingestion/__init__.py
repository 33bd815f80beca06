"""EXTRACT: vendor exports in, typed Parquet out. Nothing in here imports Airflow."""
