"""A PostgreSQL for the tests, started by whoever needs it first and gone with the test run.

- `programs` – where the server's programs come from, and as whom they run
- `keeper` – the process that runs one server, brings it up again when it dies, and ends it with the test run
- `servers` – starting a keeper, and fresh databases
- `fixtures` – `postgres_url` and `empty_postgres_url`, one server for all workers of a run
"""
