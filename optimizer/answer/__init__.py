"""What is said of an answer: the solution, the reason of each line, and its independent verification."""
