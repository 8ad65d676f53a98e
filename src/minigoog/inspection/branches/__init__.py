"""What each branch of each Inception module costs and contributes."""
