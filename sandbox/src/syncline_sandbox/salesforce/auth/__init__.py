"""Logging in and staying logged in: apps, users' passwords, the OAuth endpoints, sessions and their idle time."""

from .apps import ConnectedApp, Login
from .door import Auth, org_id_15

__all__ = ["Auth", "ConnectedApp", "Login", "org_id_15"]
