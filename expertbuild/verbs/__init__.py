"""What can be typed after `expertbuild` besides a build, one file a verb; those of the registry lie with it."""
