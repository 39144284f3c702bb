//! Sets the soname of the shared library: librserpool.so.N for version N.M.P.
fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let major = env!("CARGO_PKG_VERSION_MAJOR");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,librserpool.so.{major}");
}
