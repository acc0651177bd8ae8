"""A URI, or a path, made into something the engine can scan."""
