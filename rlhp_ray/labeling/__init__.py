"""The labelling page: somebody opens it, reads one sentence and chooses the better of two clips."""
