# The commands one types most. A convenience: nothing depends on `just`, and `.ci/run` does not use it.

# List them.
_default:
    @{{ just_executable() }} --list --unsorted

# Tell the whole story and serve its pages; `just demo --once` ends instead.
demo *ARGS:
    cargo run --release -- demo {{ ARGS }}

# Format, then compile and lint everything.
check:
    cargo fmt
    cargo clippy --locked --all-targets -- -D warnings

# Run tests: all, or those that match, as in `just test --test it stop_means_stop`.
test *ARGS:
    cargo test --locked {{ ARGS }}

# Measure, as in `just bench delivery --what speed`.
bench NAME *ARGS:
    cargo bench --locked --bench {{ NAME }} -- {{ ARGS }}

# The gate, as it runs before a change lands.
gate:
    .ci/run
