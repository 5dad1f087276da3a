"""What Bulk API 1.0 and 2.0 share: CSV files, one row to one write, the day's allowances, and both put together."""
