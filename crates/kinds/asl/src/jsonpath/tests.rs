//! Rows of path, document and result.
