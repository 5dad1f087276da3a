"""HTTP for connectors: transport, one request path with retries of safe requests, token flows, the call budget.

Vendor-neutral. What an answer means is said by the connector's `Judge`; what a call costs by its `Limits`.
"""
