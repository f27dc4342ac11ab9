"""Many datasets become one training set."""
