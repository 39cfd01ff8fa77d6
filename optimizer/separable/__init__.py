"""What separates position by position: allowed shares, the best of them, and the closed form."""
