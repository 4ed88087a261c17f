"""The seals of the audit: rows of reads and of changes, closed in signed and chained batches (decision page 0019)."""
