//! The manual pages of the C functions say what is so: each exported function has one, with its prototype, the errnos that it
//! may set (`src/ffi/errors.rs`, which the library itself uses), and an example that compiles.
//!
//! Whether a function does set an errno of its page, `tests/c/programs.rs` asks.

use rserpool::ffi::errors::{ALL, Function};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

mod pages;
#[path = "../support/mod.rs"]
mod support;

use pages::{Page, faults, prototypes, visible};
use support::errnos::errno_name;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn exported() -> BTreeSet<String> {
    read("exports/librserpool.txt").lines().filter(|line| line.starts_with("rsp_")).map(str::to_owned).collect()
}

/// Pages of section 3 by the name of their file, links included.
fn pages() -> BTreeMap<String, Page> {
    let mut pages = BTreeMap::new();
    for entry in std::fs::read_dir(root().join("man")).expect("man/") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "3") {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            pages.insert(name, Page::parse(&read(&path)));
        }
    }
    pages
}

fn headers() -> String {
    read("include/rserpool/rserpool.h") + &read("include/rserpool/rserpool-internals.h")
}

#[test]
fn table_exports_and_headers_name_the_same_functions() {
    let exported = exported();
    assert!(exported.len() >= 50, "{exported:?}");
    let table: BTreeSet<String> = ALL.iter().map(|function| function.name.to_owned()).collect();
    assert_eq!(table, exported, "src/ffi/errors.rs and exports/librserpool.txt");
    let declared: BTreeSet<String> = prototypes(&headers()).into_keys().collect();
    assert_eq!(declared, exported, "the headers and exports/librserpool.txt");
}

#[test]
fn man_finds_every_exported_function_by_its_name_and_no_other() {
    let (pages, exported) = (pages(), exported());
    let found: BTreeSet<String> = pages.keys().cloned().collect();
    assert_eq!(found, exported, "man/*.3 and exports/librserpool.txt");
    for (name, page) in &pages {
        assert!(page.names.contains(name), "man/{name}.3 is not about {name}, but {:?}", page.names);
    }
}

#[test]
fn pages_name_the_prototypes_and_the_errnos_of_their_functions() {
    let prototypes = prototypes(&headers());
    let mut wrong = Vec::new();
    for (name, page) in pages() {
        wrong.extend(faults(&page, &prototypes, ALL).into_iter().map(|fault| format!("man/{name}.3: {fault}")));
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The check above must notice every kind of fault, or it is worth nothing.
#[test]
fn a_wrong_page_is_noticed() {
    let prototypes = prototypes(&headers());
    let right = read("man/rsp_close.3");
    let found = |page: &str| faults(&Page::parse(page), &prototypes, ALL);
    assert_eq!(found(&right), [""; 0]);
    for (from, to, fault) in [
        (".Fa \"int sd\"", ".Fa \"long sd\"", "SYNOPSIS"),
        (".Ft int", ".Ft void", "SYNOPSIS"),
        (".It Bq Er EBADF", ".It Bq Er EIO", "EIO"),
        (".It Bq Er EACCES", "", "EACCES"),
        (".Xr close 2 .", ".Xr open 2 .", "close(2)"),
        (".Sh RETURN VALUES", ".Sh RESULTS", "RETURN VALUES"),
        (".Bd -literal", "", "example"),
        (".Nm rsp_close", ".Nm rsp_closed", "rsp_closed"),
    ] {
        let wrong = right.replace(from, to);
        assert_ne!(wrong, right, "{from} is not in the page");
        let found = found(&wrong).join("\n");
        assert!(found.contains(fault), "{from} -> {to}: found only \"{found}\"");
    }
}

#[test]
fn examples_compile_without_a_warning() {
    let mut count = 0;
    for (name, page) in pages() {
        if page.names.first() != Some(&name) {
            continue;
        }
        for (number, code) in page.examples.iter().enumerate() {
            let source = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{number}.c"));
            std::fs::write(&source, code).expect("a source file");
            let output = Command::new("gcc")
                .args(["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only", "-I"])
                .arg(root().join("include"))
                .arg(&source)
                .output()
                .expect("gcc");
            assert!(output.status.success(), "man/{name}.3:\n{}", String::from_utf8_lossy(&output.stderr));
            count += 1;
        }
    }
    assert!(count >= 25, "only {count} examples found");
}

#[test]
fn pages_point_to_pages_that_are_there() {
    let pages = std::fs::read_dir(root().join("man")).expect("man/");
    let ours: BTreeSet<String> =
        pages.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    for file in &ours {
        for line in visible(&read(Path::new("man").join(file))).filter(|line| line.starts_with(".Xr r")) {
            let words: Vec<&str> = line.split_whitespace().collect();
            if words[1].starts_with("rsp_") || words[1].starts_with("rserpool") {
                let target = format!("{}.{}", words[1], words[2]);
                assert!(ours.contains(&target), "man/{file} points to {target}");
            }
        }
    }
}

#[test]
fn the_overview_points_to_every_page() {
    let overview = read("man/rserpool.7");
    for (name, page) in pages() {
        let pointer = format!(".Xr {name} 3");
        let listed = overview.lines().any(|line| line == pointer || line.starts_with(&format!("{pointer} ")));
        assert!(listed, "man/rserpool.7 says nothing of {name} ({:?})", page.names);
    }
}

/// The comments of the headers are shorter than the pages, but not in contradiction to them.
#[test]
fn comments_in_headers_name_only_errnos_that_the_function_may_set() {
    let headers = headers();
    let mut named = 0;
    for function in ALL {
        let errnos: BTreeSet<&str> = function.errnos().map(errno_name).collect();
        let comment = pages::comment_of(&headers, function.name);
        let (_, errors) = comment.split_once("Errors:").unwrap_or_default();
        for word in errors.split(|c: char| !c.is_ascii_alphanumeric()) {
            if is_errno(word) {
                assert!(errnos.contains(word), "the comment of {} names {word}", function.name);
                named += 1;
            }
        }
    }
    assert!(named > 100, "only {named} errnos found in comments");
}

/// The RFCs that a text names.
fn rfcs(text: &str) -> BTreeSet<String> {
    text.split("RFC ").skip(1).map(|rest| rest.chars().take_while(char::is_ascii_digit).collect()).collect()
}

#[test]
fn comments_in_headers_name_the_rfcs_that_the_manual_pages_name() {
    let headers = headers();
    let mut compared = 0;
    for (name, page) in pages().iter().filter(|(name, page)| page.names.first() == Some(*name)) {
        let comment = pages::comment_of(&headers, name);
        let (_, standards) = comment.split_once("Standards:").unwrap_or_default();
        assert_eq!(rfcs(standards), rfcs(&page.standards), "the comment of {name}, and man/{name}.3");
        compared += rfcs(standards).len();
    }
    assert!(compared > 30, "only {compared} RFCs compared");
}

fn is_errno(word: &str) -> bool {
    let known: BTreeSet<&str> = ALL.iter().flat_map(Function::errnos).map(errno_name).collect();
    known.contains(word)
}
