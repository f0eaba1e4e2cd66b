//! What we were told: raw TOML with spans becomes a valid plan, or every problem of every file at once.
