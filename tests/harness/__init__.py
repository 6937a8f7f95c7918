"""What every test that drives the real binary stands on: the hub as a process, scripted upstreams, raw HTTP, a model.

Nothing here knows sluice's sources: the product is met as a user meets it, through its command and its sockets.
"""
