"""A run as one file for people: a page that needs no network (write.py), or a workbook (workbook.py).

Both take a run's events as they come, in the view FULL, and keep a few of its portfolios in memory at a time.
They need the extra `report`.
"""
