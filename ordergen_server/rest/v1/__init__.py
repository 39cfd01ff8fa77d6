"""The paths and forms of the service that portals and load generators have always called."""
