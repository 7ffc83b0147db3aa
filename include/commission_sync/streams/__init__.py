"""What is synced and how: declarations of streams and the one engine that reads and lands them."""
