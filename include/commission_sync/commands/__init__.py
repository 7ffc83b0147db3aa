"""What people run by hand: thin shells that read arguments, call the product, and print."""
