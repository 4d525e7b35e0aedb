"""From an upstream's bytes to a client's bytes, without keeping the answer.

`reader` turns bytes into events and knows whether the answer is whole; `raw` lets plain events pass as they came;
`answer` writes what the client reads; `pump` is the only one that waits on sockets.
"""
