"""What has changed since a run, looked at before its orders are sent."""
