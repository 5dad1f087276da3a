"""The trees and the journal on a PostgreSQL server, which several processes use at once.

- `opening` – from a URL to a checked store; `address` – what a URL may be, and how it is shown
- `session` – one connection on its own thread: reconnecting, repeating, whether a lost commit was stored
- `store` – the store itself; `writing`, `reading`, `leases`, `statements`, `text` – what it says to the server
- `copying` – a private copy in temporary tables; `wakes` – LISTEN and NOTIFY
- `trouble` – what the server can answer, as StateError

Everything is in the schema `syncline` of the database that the URL names, apart from whatever else is in it.
"""
