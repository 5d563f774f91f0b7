//! Sources: what a pipeline begins with.
