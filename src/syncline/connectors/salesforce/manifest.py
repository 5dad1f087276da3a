"""What the connector is: its name, settings and object types. No behaviour."""

from __future__ import annotations

from syncline.ports import Manifest, Setting

DEFAULT_API_VERSION = "62.0"

MANIFEST = Manifest(
    name="salesforce",
    label="Salesforce",
    settings=(
        Setting(
            name="url",
            label="My Domain URL",
            help="The org's own address. Client credentials are not accepted on login.salesforce.com.",
            example="https://acme.my.salesforce.com",
        ),
        Setting(name="client_id", label="Consumer key", help="Of the External Client App made for Syncline."),
        Setting(name="client_secret", label="Consumer secret", help="Of the same app.", is_secret=True),
        Setting(
            name="username",
            label="User name",
            help="Only for the username-password flow; without it the app's Run As user is used.",
            is_required=False,
        ),
        Setting(
            name="password",
            label="Password and security token",
            help="Written one after the other; only with a user name.",
            is_secret=True,
            is_required=False,
        ),
        Setting(
            name="api_version",
            label="API version",
            help="Pinned, so that a release of the vendor changes nothing by itself.",
            is_required=False,
            default=DEFAULT_API_VERSION,
        ),
        Setting(
            name="stream",
            label="Change stream",
            help="Whether changes that the org pushes are taken in (Change Data Capture). The rest is polled.",
            is_required=False,
            default="true",
        ),
        Setting(
            name="stream_endpoint",
            label="Pub/Sub API endpoint",
            help="Host and port; by default the vendor's, for orgs of the vendor's.",
            is_required=False,
            example="api.pubsub.salesforce.com:7443",
        ),
        Setting(
            name="ca_file",
            label="CA file",
            help="PEM file of a private certificate authority to trust as well.",
            is_required=False,
        ),
    ),
    object_types=("Lead", "Contact", "Account", "User"),
)
