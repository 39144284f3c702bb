//! What is installed works: by `make install` with pkg-config and CMake, and by the Debian packages.
//!
//! All of it uses the library as it was built for this test: only what cargo makes is not made anew. The tests need make, a C
//! and a C++ compiler, pkg-config, CMake, and Debian's package tools; in CI none of them may be missing.
#![cfg(feature = "operations")]

#[path = "support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use support::c_pool::{Conversation, Ended, installed, libraries, root, run, scratch, succeed, wait_for_elements};
use support::program::RegistrarProcess;

const VERSION: &str = env!("CARGO_PKG_VERSION");
const MAJOR: &str = env!("CARGO_PKG_VERSION_MAJOR");

/// What `make lib program` and `make compat` put into build/, of the static library and the program that cargo built.
fn built() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let out = scratch("packaging-built");
        let link = |from: PathBuf, to: &str| std::os::unix::fs::symlink(from, out.join(to)).expect("a link");
        let made = libraries().join("librserpool.a");
        succeed(Command::new(root().join("scripts/link-static")).arg(made).arg(out.join("librserpool.a")));
        link(PathBuf::from(env!("CARGO_BIN_EXE_rserpool")), "rserpool");
        for script in ["scripts/link-library", "scripts/build-compat"] {
            succeed(Command::new(root().join(script)).env("OUT", &out));
        }
        out
    })
}

/// `make install` into a directory of this test. Returns the directory and where the prefix is in it.
fn make_install(name: &str, prefix: &str) -> (PathBuf, PathBuf) {
    let destination = scratch(name);
    succeed(
        Command::new("make")
            .args(["-C", root().to_str().expect("text"), "--silent", "install"])
            .arg(format!("OUT={}", built().display()))
            .arg(format!("DESTDIR={}", destination.display()))
            .arg(format!("PREFIX={prefix}")),
    );
    let below = destination.join(prefix.trim_start_matches('/'));
    (destination, below)
}

/// The words of `pkg-config ARGUMENTS librserpool`, for a library that is installed below `root` instead of /.
fn pkg_config(root: &Path, libraries: &Path, arguments: &[&str]) -> Vec<String> {
    let output = succeed(
        Command::new("pkg-config")
            .args(arguments)
            .arg("librserpool")
            .env("PKG_CONFIG_SYSROOT_DIR", root)
            .env("PKG_CONFIG_LIBDIR", libraries.join("pkgconfig"))
            // Else it leaves out /usr/include and the like, before it puts the root in front.
            .env("PKG_CONFIG_ALLOW_SYSTEM_CFLAGS", "1")
            .env("PKG_CONFIG_ALLOW_SYSTEM_LIBS", "1"),
    );
    output.split_whitespace().map(str::to_owned).collect()
}

/// The root into which `packages` are installed by dpkg, which also checks there what they depend on and conflict with: the root's
/// list of installed packages begins as this machine's. It is no system of its own, so their scripts run outside of it, with
/// DPKG_ROOT, as `dpkg --root` does it for such roots.
struct DebianRoot {
    root: PathBuf,
}

impl DebianRoot {
    fn new(name: &str) -> DebianRoot {
        let root = scratch(name);
        let database = root.join("var/lib/dpkg");
        for directory in ["info", "updates", "triggers"] {
            std::fs::create_dir_all(database.join(directory)).expect("a directory");
        }
        let status = std::fs::read_to_string("/var/lib/dpkg/status").expect("dpkg's list of this machine");
        // The headers of rsplib have the names of ours: a machine has either.
        let others: Vec<&str> =
            status.split("\n\n").filter(|package| !package.starts_with("Package: librsplib-dev\n")).collect();
        std::fs::write(database.join("status"), others.join("\n\n")).expect("a list");
        DebianRoot { root }
    }

    fn dpkg(&self, arguments: &[&str], packages: &[PathBuf]) -> Output {
        // SAFETY: takes nothing, cannot fail.
        let mut command = if unsafe { libc::geteuid() } == 0 { Command::new("dpkg") } else { fakeroot("dpkg") };
        command.arg("--force-script-chrootless").arg("--force-not-root").arg("--root").arg(&self.root);
        run(command.args(arguments).args(packages))
    }

    fn path(&self, below: &str) -> PathBuf {
        self.root.join(below)
    }
}

fn fakeroot(program: &str) -> Command {
    let mut command = Command::new("fakeroot");
    command.arg(program);
    command
}

fn compile(example: &Path, program: &Path, options: &[String]) {
    succeed(
        Command::new("cc")
            .args(["-Wall", "-Wextra", "-Werror", "-pthread", "-o"])
            .arg(program)
            .arg(example)
            .args(options),
    );
}

/// Both have Rust's standard library in them.
#[test]
fn the_static_library_is_linked_beside_another_one_in_rust() {
    let directory = scratch("packaging-two");
    let (source, other) = (directory.join("other.rs"), directory.join("libother.a"));
    let text = "#[unsafe(no_mangle)] pub extern \"C\" fn panics() -> i32 {\n\
                std::panic::catch_unwind(|| { std::hint::black_box(panic!(\"on purpose\")); 0 }).unwrap_or(1) }\n";
    std::fs::write(&source, text).expect("a source file");
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.args([
        "--edition",
        "2024",
        "--crate-type",
        "staticlib",
        "-O",
        "-C",
        "lto=fat",
        "-C",
        "codegen-units=1",
        "-o",
    ]);
    succeed(rustc.arg(&other).arg(&source));
    let (program, text) = (
        directory.join("two.c"),
        "#include <rserpool/rserpool.h>\nint panics(void);\n\
         int main(void) { return (rsp_initialize(NULL) == 0 && rsp_close(-1) == -1 && panics() == 1) ? 0 : 1; }\n",
    );
    std::fs::write(&program, text).expect("a source file");
    let mut options = vec![format!("-I{}", root().join("include").display())];
    for library in [built().join("librserpool.a"), other] {
        options.push(library.display().to_string());
    }
    options.extend(["-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl", "-lc"].map(str::to_owned));
    compile(&program, &directory.join("two"), &options);
    succeed(&mut Command::new(directory.join("two")));
}

/// What programs need to find the library where it is, as it is installed nowhere else.
fn with_libraries(program: &Path, libraries: &Path) -> Command {
    let mut command = Command::new(program);
    command.env("LD_LIBRARY_PATH", libraries);
    command
}

/// A server and a client, against a registrar: what is sent comes back.
fn use_the_echo_service(registrar: &str, mut server: Command, mut client: Command) {
    let registrar_argument = format!("-registrar={registrar}");
    let _server = Ended::start(server.arg(&registrar_argument).stdout(Stdio::null()));
    wait_for_elements(registrar, "EchoPool", 1);
    let mut client = Conversation::start(client.arg(&registrar_argument));
    assert_eq!(client.ask("installed"), "installed");
    client.end();
}

#[test]
fn a_program_is_compiled_with_pkg_config_against_what_make_install_installs() {
    if !installed("pkg-config", "pkg-config") {
        return;
    }
    let (destination, below) = make_install("packaging-install", "/opt/rserpool");
    let lib = below.join("lib");
    assert_eq!(pkg_config(&destination, &lib, &["--modversion"]), [VERSION]);

    let examples = below.join("share/doc/librserpool/examples");
    let (server, client) = (destination.join("echo_server"), destination.join("echo_client"));
    compile(&examples.join("echo_server.c"), &server, &pkg_config(&destination, &lib, &["--cflags", "--libs"]));
    let mut with_static = pkg_config(&destination, &lib, &["--static", "--cflags", "--libs"]);
    for word in &mut with_static {
        if word == "-lrserpool" {
            *word = "-l:librserpool.a".to_owned();
        }
    }
    compile(&examples.join("echo_client.c"), &client, &with_static);

    assert!(needs(&server).contains(&format!("librserpool.so.{MAJOR}")));
    assert!(!needs(&client).iter().any(|name| name.contains("rserpool")), "linked with the static library");
    let registrar = RegistrarProcess::start(&["--log", "warn"]);
    use_the_echo_service(&registrar.asap.to_string(), with_libraries(&server, &lib), Command::new(client));
}

/// The libraries that a program or library names.
fn needs(file: &Path) -> Vec<String> {
    let dynamic = succeed(Command::new("readelf").arg("-d").arg(file));
    let needed = dynamic.lines().filter(|line| line.contains("(NEEDED)"));
    needed.filter_map(|line| Some(line.split_once('[')?.1.trim_end_matches(']').to_owned())).collect()
}

#[test]
fn a_cmake_project_finds_the_package_and_links_both_libraries() {
    if !installed("cmake", "cmake") {
        return;
    }
    let (_, below) = make_install("packaging-cmake", "/usr");
    let build = scratch("packaging-cmake-build");
    succeed(
        Command::new("cmake")
            .args(["-Wno-dev", "-S"])
            .arg(root().join("tests/cmake"))
            .arg("-B")
            .arg(&build)
            .arg(format!("-DCMAKE_PREFIX_PATH={}", below.display()))
            .arg(format!("-DEXAMPLES={}", root().join("c-examples").display()))
            .arg(format!("-DWANTED={MAJOR}.{}", env!("CARGO_PKG_VERSION_MINOR"))),
    );
    succeed(Command::new("cmake").arg("--build").arg(&build));
    let (server, client) = (build.join("echo_server"), build.join("echo_client"));
    assert!(needs(&server).contains(&format!("librserpool.so.{MAJOR}")));
    let registrar = RegistrarProcess::start(&["--log", "warn"]);
    // CMake has the program remember where the library is.
    use_the_echo_service(&registrar.asap.to_string(), Command::new(server), Command::new(client));
}

/// Names that a committed list has.
fn listed(list: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(list).expect("a list");
    text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

/// Names that a library exports, without their version.
fn exported(library: &Path) -> BTreeSet<String> {
    let symbols = succeed(Command::new("nm").args(["-D", "--defined-only", "--format=posix"]).arg(library));
    let names = symbols.lines().filter_map(|line| line.split(' ').next());
    // The version itself is listed, too.
    names
        .filter(|name| !name.starts_with("LIBRSERPOOL_"))
        .map(|name| name.split('@').next().unwrap_or("").to_owned())
        .collect()
}

#[test]
fn the_installed_library_has_its_links_and_exports_the_committed_list() {
    let (_, below) = make_install("packaging-links", "/usr");
    let lib = below.join("lib");
    let link = |name: &str| std::fs::read_link(lib.join(name)).expect("a link").display().to_string();
    assert_eq!(link("librserpool.so"), format!("librserpool.so.{MAJOR}"));
    assert_eq!(link(&format!("librserpool.so.{MAJOR}")), format!("librserpool.so.{VERSION}"));
    let library = lib.join(format!("librserpool.so.{VERSION}"));
    let dynamic = succeed(Command::new("readelf").arg("-d").arg(&library));
    assert!(dynamic.contains(&format!("Library soname: [librserpool.so.{MAJOR}]")), "{dynamic}");
    assert_eq!(exported(&library), listed(&root().join("exports/librserpool.txt")));
    let versions = succeed(Command::new("readelf").args(["--wide", "--dyn-syms"]).arg(&library));
    assert!(versions.contains(&format!("rsp_socket@@LIBRSERPOOL_{MAJOR}")), "{versions}");
}

#[test]
fn a_list_decides_what_is_exported_and_names_that_do_not_exist_are_refused() {
    let directory = scratch("packaging-lists");
    let list = directory.join("names.txt");
    let library = directory.join("library.so");
    let link = || {
        let mut command = Command::new(root().join("scripts/link-shared"));
        run(command.arg(&list).arg("library.so").arg(&library).env("OUT", built()))
    };
    std::fs::write(&list, "# two\nrsp_socket\nrsp_close\n").expect("a list");
    assert!(link().status.success());
    assert_eq!(exported(&library), ["rsp_close", "rsp_socket"].map(str::to_owned).into());

    std::fs::write(&list, "rsp_socket\nrsp_never_written\n").expect("a list");
    let refused = link();
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("rsp_never_written"));
}

#[test]
fn everything_is_installed_and_no_template_is_left_unfilled() {
    let (destination, below) = make_install("packaging-files", "/usr/local");
    for entry in std::fs::read_dir(root().join("man")).expect("man") {
        let page = entry.expect("a page").path();
        let section = page.extension().expect("a section").to_string_lossy().into_owned();
        let installed = below.join(format!("share/man/man{section}")).join(page.file_name().expect("a name"));
        assert!(installed.exists(), "{}", installed.display());
    }
    for entry in std::fs::read_dir(root().join("include/rserpool")).expect("headers") {
        let installed = below.join("include/rserpool").join(entry.expect("a header").file_name());
        assert!(installed.exists(), "{}", installed.display());
    }
    for file in [
        "lib/pkgconfig/librserpool.pc",
        "lib/cmake/rserpool/rserpool-config.cmake",
        "lib/cmake/rserpool/rserpool-config-version.cmake",
        "lib/systemd/system/rserpool-registrar.service",
        "share/rserpool/monitoring/rserpool.rules.yml",
        "share/rserpool/monitoring/rserpool.dashboard.json",
    ] {
        let text = std::fs::read_to_string(below.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        let mut words = text.split('@').skip(1);
        let is_name = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_uppercase() || c == '_');
        assert_eq!(words.find(|word| is_name(word)), None, "{file} has a name that scripts/install does not fill in");
    }
    let unit = std::fs::read_to_string(below.join("lib/systemd/system/rserpool-registrar.service")).expect("a unit");
    let start = "\nExecStart=/usr/local/bin/rserpool registrar --config /etc/rserpool/registrar.toml ";
    assert!(unit.contains(start) && unit.contains("\nType=notify\n"), "{unit}");
    let configuration = destination.join("etc/rserpool/registrar.toml");
    let check = ["registrar", "--check-config", "--config", configuration.to_str().expect("text")];
    let checked = succeed(Command::new(below.join("bin/rserpool")).args(check));
    assert_eq!(checked, format!("{}: no mistakes\n", configuration.display()));
    assert!(below.join("bin/rserpool").exists());
    let options =
        std::fs::read_to_string(destination.join("etc/default/rserpool-registrar")).expect("options of the service");
    assert!(
        options.contains("\n#RSERPOOL_REGISTRAR_OPTIONS=") && unit.contains("$RSERPOOL_REGISTRAR_OPTIONS"),
        "{options}"
    );
    assert!(below.join("share/doc/librserpool/LICENSE-APACHE").exists());
}

/// The multiarch directory, like lib/x86_64-linux-gnu.
fn multiarch() -> String {
    format!("usr/lib/{}", succeed(Command::new("dpkg-architecture").arg("-qDEB_HOST_MULTIARCH")).trim())
}

#[test]
fn the_debian_packages_install_serve_and_leave_nothing_behind() {
    if !installed("dh", "debhelper") || !installed("dpkg-architecture", "dpkg-dev") {
        return;
    }
    if !installed("lintian", "lintian") {
        return;
    }
    let debs = scratch("packaging-debs");
    let mut build = Command::new(root().join("scripts/build-deb"));
    // Nobody keeps them: compressing a library with debugging information well takes long.
    build.env("OUT", built()).env("DEBS", &debs).env("DPKG_DEB_COMPRESSOR_LEVEL", "1");
    let report = succeed(&mut build);
    assert!(!report.contains("\nE: "), "lintian finds errors:\n{report}");
    let packages: Vec<PathBuf> = std::fs::read_dir(&debs)
        .expect("packages")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "deb"))
        .collect();
    assert_eq!(packages.len(), 4, "{packages:?}");

    let debian = DebianRoot::new("packaging-root");
    let done = debian.dpkg(&["--install"], &packages);
    assert!(
        done.status.success(),
        "{}{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );

    let lib = debian.path(&multiarch());
    let example = debian.path("usr/share/doc/librserpool-dev/examples");
    let (server, client) = (debs.join("echo_server"), debs.join("echo_client"));
    let options = pkg_config(&debian.root, &lib, &["--cflags", "--libs"]);
    compile(&example.join("echo_server.c"), &server, &options);
    compile(&example.join("echo_client.c"), &client, &options);
    let registrar = RegistrarProcess::start_program(&debian.path("usr/bin/rserpool"), &["--log", "warn"]);
    use_the_echo_service(&registrar.asap.to_string(), with_libraries(&server, &lib), with_libraries(&client, &lib));
    assert_eq!(exported(&lib.join("librserpool-compat/librsplib.so.3")), listed(&root().join("exports/librsplib.txt")));
    assert!(debian.path("lib/systemd/system/rserpool-registrar.service").exists());
    let conffiles = debian.dpkg(&["--status", "rserpool-tools"], &[]);
    for file in ["/etc/default/rserpool-registrar", "/etc/rserpool/registrar.toml"] {
        assert!(String::from_utf8_lossy(&conffiles.stdout).contains(file), "{file} is no conffile");
    }

    let names = ["librserpool-dev", "rserpool-tools", "librserpool-compat", &format!("librserpool{MAJOR}")];
    let gone = debian.dpkg(&[&["--purge"][..], &names].concat(), &[]);
    assert!(gone.status.success(), "{}", String::from_utf8_lossy(&gone.stderr));
    for directory in ["usr", "etc/default", "etc/rserpool"] {
        assert!(!debian.path(directory).exists(), "something is left in {}", debian.path(directory).display());
    }
}
