"""Lists that know whether they are all there is: sets of moves, halves and their meeting in the middle."""
