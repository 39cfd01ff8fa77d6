"""What the siblings answer, read and checked: the readers of every transport, and what is the same of all."""
