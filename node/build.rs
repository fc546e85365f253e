//! Tells the linker that Node itself supplies N-API.

fn main() {
    napi_build::setup();
}
