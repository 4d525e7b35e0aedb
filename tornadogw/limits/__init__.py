"""Who may ask how much: requests and tokens per window, requests at a time, over all processes.

`windows` is one process's exact log; `shared` puts several processes under one limit; `running` counts requests at a
time; `limiter` is what handlers ask; `addresses` says whom an address stands for.
"""
