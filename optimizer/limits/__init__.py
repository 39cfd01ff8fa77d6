"""What couples positions: cash, turnover and the number of trades, one limit or several at once."""
