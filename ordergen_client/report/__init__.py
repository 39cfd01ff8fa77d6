"""A run as one file for people: a page that needs no network (`write_report`), or a workbook (`write_workbook`).

Both take a run's events as they come, in the view FULL, and keep a few of its portfolios in memory at a time.
They need the extra `report`.
"""
