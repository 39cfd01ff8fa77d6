"""Where chunks are worked off, and portfolios judged, outside of the process that answers calls.

choice           who does it, as the settings have it
wiring           a worker with everything of its own: siblings, caches, connections to the database
processes        processes of this machine
slots            one of them, and the next in its place
compute_process  what is in it
dask             workers of a Dask cluster, on any machines
reports          what a worker elsewhere would have told observers, to be told here
"""
