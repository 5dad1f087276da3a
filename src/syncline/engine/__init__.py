"""The imperative shell: observe, plan, write, settle, verify. Effects go through ports; decisions are made elsewhere."""
