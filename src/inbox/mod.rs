//! What comes back: outside formats read into plain values. Nothing here writes.
