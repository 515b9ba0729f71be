"""Small helpers on which everything else may build."""
