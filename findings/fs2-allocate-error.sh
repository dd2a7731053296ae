#!/usr/bin/env bash
# fs2 0.4.3 on Linux with glibc: when there is no room, `FileExt::allocate` fails with the error "Success".
#
# The crate calls posix_fallocate, which returns its error number and leaves errno alone, and then asks errno. So the error
# of a full disk has no code that says so: kind() is not StorageFull (nor any other that a caller could go by), and
# its text is "Success (os error 0)". To tell a full disk from other faults, another call is needed.
#
# Seen: "Some(0) false Success (os error 0)".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder/crate/src"
cat > "$folder/crate/Cargo.toml" <<'TOML'
[package]
name = "seen"
version = "0.0.0"
edition = "2021"

[dependencies]
# Exactly fs2==0.4.3.
fs2 = "=0.4.3"

[workspace]
TOML
cat > "$folder/crate/src/main.rs" <<'RUST'
use fs2::FileExt;

fn main() {
    let path = std::env::args().nth(1).expect("a path");
    let file = std::fs::File::create(path).expect("a file");
    // A file of 2^50 bytes fits on no disk.
    let error = FileExt::allocate(&file, 1 << 50).expect_err("no room");
    println!("{:?} {} {error}", error.raw_os_error(), error.kind() == std::io::ErrorKind::StorageFull);
}
RUST
seen=$(cd "$folder/crate" && cargo run --quiet -- "$folder/file")
echo "$seen"
[ "$seen" = "Some(0) false Success (os error 0)" ]
