"""What callers may ask for: ids, orders and pages, and the rules that they break."""
