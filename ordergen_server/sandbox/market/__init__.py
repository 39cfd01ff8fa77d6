"""A whole market: securities with prices, portfolios that hold them, and the orders sent for them."""
