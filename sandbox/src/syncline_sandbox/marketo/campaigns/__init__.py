"""Smart campaigns: what they are, who runs through them, what their flows do, and the webhooks flows call."""
