//! A new file in the library must reach the binary that embeds it.

fn main() {
    println!("cargo:rerun-if-changed=../../queries");
    println!("cargo:rerun-if-changed=../../dashboards");
}
