"""Durable execution: who works, on what, when. Decides when, once, retry and resume; what is done is the engine's."""
