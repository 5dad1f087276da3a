"""The org's users as the sandbox keeps them: records, passwords, rights, and how they survive a restart.

Lives here: the first users and apps of a fresh org, and changes to them. Sessions are in `auth.py`.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from .auth import Auth, ConnectedApp, Login
from .grants import Grants
from .ids import IdSource
from .rights import UserRights, rights_of_json
from .schema import Schema
from .sharing import Sharing
from .storage import Storage

CLIENT_ID = "sandbox-client"
CLIENT_SECRET = "sandbox-secret"
USERNAME = "integration@sandbox.example"
PASSWORD = "sandbox-password"
SECURITY_TOKEN = "sandboxtoken"
ADMIN_USERNAME = "admin@sandbox.example"


class People:
    """Users and apps of one org. Changes happen inside the caller's transaction."""

    def __init__(self, storage: Storage, ids: IdSource, auth: Auth, grants: Grants, sharing: Sharing) -> None:
        self._storage = storage
        self._ids = ids
        self._auth = auth
        self._grants = grants
        self._sharing = sharing
        self._rights: dict[str, UserRights] = {}

    def rights(self, user_id: str) -> UserRights:
        """The rights of a user; everything for one nobody restricted."""
        rights = self._rights.get(user_id)
        if rights is None:
            rights = self._rights[user_id] = UserRights(user_id=user_id)
        if rights.settled != self._grants.version:
            rights.settle(self._grants, self._sharing)
        return rights

    def user_id(self, username: str) -> str:
        """The id of a user. LookupError when nobody has this user name."""
        login = self._auth.logins.get(username.lower())
        if login is None:
            raise LookupError(f"no user {username!r}; there are {sorted(self._auth.logins)}")
        return login.user_id

    def add_user(
        self, schema: Schema, stamp: str, username: str, password: str, *, security_token: str = "", **columns: Any
    ) -> str:
        """Create a user with a login; returns the id. *columns* are fields of User, LookupError for another name."""
        sobject = schema.sobject("User")
        assert sobject is not None
        if unknown := set(columns) - {field.column for field in sobject.stored_fields()}:
            raise LookupError(f"a User has no {sorted(unknown)}")
        user_id = self._ids.new(sobject.key_prefix)
        by = self._auth.logins.get(ADMIN_USERNAME)
        defaults = {f.column: f.default for f in sobject.stored_fields() if f.default is not None and f.column}
        row: dict[str, Any] = {
            **defaults,
            "Id": user_id,
            "Username": username,
            "LastName": username.partition("@")[0].title(),
            "Email": username,
            "Alias": username[:8],
            "CommunityNickname": username.partition("@")[0],
            "ProfileId": self._storage.db.execute('SELECT "Id" FROM "Profile"').fetchone()[0],
            **dict.fromkeys(("CreatedDate", "LastModifiedDate", "SystemModstamp"), stamp),
            **dict.fromkeys(("CreatedById", "LastModifiedById"), by.user_id if by else user_id),
            **columns,
        }
        self._storage.insert(sobject, row)
        login = Login(user_id=user_id, username=username, password=password, security_token=security_token)
        self._auth.logins[username.lower()] = login
        self.keep()
        return user_id

    def set_rights(self, user_id: str, shape: dict[str, Any]) -> UserRights:
        """Replace a user's rights, except which single records are hidden. TypeError for an unknown key."""
        rights = rights_of_json(user_id, shape)
        self._rights[user_id] = rights
        self._count_hidden(rights)
        self.keep()
        return rights

    def hide_records(self, user_id: str, ids: list[str], *, hidden: bool) -> int:
        """Hide single records from a user, or show them again; returns how many are hidden now."""
        sql = (
            "INSERT OR IGNORE INTO _hidden VALUES (?, ?)"
            if hidden
            else "DELETE FROM _hidden WHERE (user_id, record_id) = (?, ?)"
        )
        self._storage.db.executemany(sql, [(user_id, record_id) for record_id in ids])
        rights = self.rights(user_id)
        self._count_hidden(rights)
        return rights.hidden_record_count

    def add_app(self, app: ConnectedApp) -> None:
        """Register a connected app, or replace the one of the same client id."""
        self._auth.apps[app.client_id] = app
        self.keep()

    def forget(self) -> None:
        """Drop every login, app and right held in memory."""
        self._auth.logins.clear()
        self._auth.apps.clear()
        self._rights.clear()

    def keep(self) -> None:
        """Store logins, apps and rights."""
        self._storage.keep("logins", [asdict(login) for login in self._auth.logins.values()])
        self._storage.keep("apps", [asdict(app) for app in self._auth.apps.values()])
        self._storage.keep("rights", {user_id: rights.as_json() for user_id, rights in self._rights.items()})

    def load(self) -> None:
        """Take up what an earlier process stored."""
        self._auth.logins = {kept["username"].lower(): Login(**kept) for kept in self._storage.kept("logins")}
        self._auth.apps = {kept["client_id"]: ConnectedApp(**kept) for kept in self._storage.kept("apps")}
        kept_rights = self._storage.kept("rights")
        self._rights = {user_id: rights_of_json(user_id, shape) for user_id, shape in kept_rights.items()}
        for (user_id,) in self._storage.db.execute("SELECT DISTINCT user_id FROM _hidden").fetchall():
            self._count_hidden(self.rights(user_id))

    def _count_hidden(self, rights: UserRights) -> None:
        sql = "SELECT count(*) FROM _hidden WHERE user_id = ?"
        rights.hidden_record_count = self._storage.db.execute(sql, (rights.user_id,)).fetchone()[0]


def first_people(people: People, schema: Schema, stamp: str) -> None:
    """The administrator, the integration user and the connected app of a fresh org."""
    people.forget()
    people.add_user(schema, stamp, ADMIN_USERNAME, PASSWORD, security_token=SECURITY_TOKEN, FirstName="Sandbox")
    user_id = people.add_user(schema, stamp, USERNAME, PASSWORD, security_token=SECURITY_TOKEN, FirstName="Syncing")
    people.add_app(ConnectedApp(client_id=CLIENT_ID, client_secret=CLIENT_SECRET, run_as=user_id))
