"""Where chunks are worked off outside of the process that answers calls.

choice     who does it, as the settings have it
wiring     a worker with everything of its own: siblings, caches, connections to the database
processes  processes of this machine
dask       workers of a Dask cluster, on any machines
reports    what a worker elsewhere would have told observers, to be told here
"""
