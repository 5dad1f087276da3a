"""The imperative shell: observe, plan, write, settle, verify. Effects go through ports; others decide."""
