"""What is told of runs: to eyes as tables and lines, to programs as JSON."""
