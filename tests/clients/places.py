"""The vendors' addresses as the clients have them, hard-wired or by configuration."""

LOGIN_HOST = "login.salesforce.com"
LOGIN = f"https://{LOGIN_HOST}"
MY_DOMAIN = "acme.my"  # some clients complete it themselves
INSTANCE_HOST = f"{MY_DOMAIN}.salesforce.com"
INSTANCE = f"https://{INSTANCE_HOST}"
PUBSUB_HOST = "api.pubsub.salesforce.com"
MARKETO_HOST = "123-ABC-456.mktorest.com"
MARKETO = f"https://{MARKETO_HOST}"

HOSTS = (LOGIN_HOST, "test.salesforce.com", INSTANCE_HOST, PUBSUB_HOST, MARKETO_HOST)
