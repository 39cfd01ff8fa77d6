"""What the server is told by variables and files, and what that means to each of its parts."""
