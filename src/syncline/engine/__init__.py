"""The imperative shell: observe, plan, write, settle, verify. Effects happen through ports; decisions are made elsewhere."""
