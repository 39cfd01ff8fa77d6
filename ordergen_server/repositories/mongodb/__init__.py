"""The driver as the repositories have it: operations in time and turn, exact numbers, errors of ours."""
