//! Who may know whom: read from the sources, as clippy checks clocks. A core that imports no transport cannot do I/O.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Each module of the crate with the modules that it may name. What is not here may be named by everybody: identifiers, time
/// and the types at the root of the crate.
const LAYERS: &[(&str, &[&str])] = &[
    ("identifiers", &[]),
    ("time", &[]),
    ("step", &[]),
    ("token_bucket", &[]),
    ("random", &[]),
    ("log_filter", &[]),
    ("profile", &[]),
    ("round_trips", &[]),
    ("collections", &["random"]),
    ("wire", &[]),
    ("association", &["wire"]),
    ("log_limit", &["association"]),
    ("message", &["wire"]),
    ("policy", &["random", "wire"]),
    ("handlespace", &["association", "policy", "random", "round_trips", "wire"]),
    (
        "registrar",
        &[
            "association",
            "collections",
            "handlespace",
            "log_limit",
            "message",
            "policy",
            "random",
            "round_trips",
            "security",
            "wire",
        ],
    ),
    ("asap", &["association", "collections", "log_limit", "message", "policy", "random", "wire"]),
    ("security", &[]),
    ("session", &["asap", "association", "collections", "log_limit", "message", "policy", "random", "wire"]),
    ("transport", &["association", "collections", "log_limit", "message", "random", "security", "wire"]),
    (
        "driver",
        &[
            "asap",
            "association",
            "collections",
            "handlespace",
            "log_limit",
            "message",
            "policy",
            "profile",
            "random",
            "registrar",
            "security",
            "session",
            "transport",
            "wire",
        ],
    ),
    ("api", &["asap", "association", "driver", "policy", "profile", "security", "session", "transport", "wire"]),
    ("bridges", &["api", "driver", "log_limit", "policy", "random", "transport", "wire"]),
    ("ffi", &["api", "association", "driver", "log_filter", "policy", "profile", "session", "transport", "wire"]),
];

/// Named by everybody.
const ROOT: &[&str] = &["identifiers", "time", "step", "token_bucket"];

#[test]
fn no_file_imports_upwards() {
    let mut wrong = Vec::new();
    for (module, allowed) in LAYERS {
        for file in files_of(module) {
            let source = fs::read_to_string(&file).expect("a source file");
            for named in modules_named(&source) {
                if named != *module && !allowed.contains(&named.as_str()) && !ROOT.contains(&named.as_str()) {
                    wrong.push(format!("{} names {named}, which {module} may not", file.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_module_has_its_layer() {
    let known: BTreeSet<_> = LAYERS.iter().map(|(module, _)| (*module).to_owned()).collect();
    let library = fs::read_to_string("src/lib.rs").expect("src/lib.rs");
    let modules: BTreeSet<_> = library
        .lines()
        .filter_map(|line| line.trim_start_matches("pub(crate) ").trim_start_matches("pub ").strip_prefix("mod "))
        .map(|name| name.trim_end_matches(';').to_owned())
        .collect();
    assert_eq!(modules, known, "each module of src/lib.rs stands in LAYERS of this test, and nothing else does");
}

#[test]
fn an_upward_import_is_found() {
    let source =
        "use crate::{AssociationId, transport::{LossReason, tcp}, wire};\nlet x = crate::driver::clock::now();\n";
    let named: Vec<_> = modules_named(source).into_iter().collect();
    assert_eq!(named, ["driver", "transport", "wire"]);
}

/// Folders whose files name each other in one direction. A file with a folder of its own counts as one with what is in there: that
/// adds to the same type.
///
/// With each, how its files are named from elsewhere in their crate.
const ACYCLIC: &[(&str, &str)] = &[
    ("src/asap", "crate::asap::"),
    ("src/driver/client", "crate::driver::client::"),
    ("src/registrar", "crate::registrar::"),
    ("src/registrar/enrp", "crate::registrar::enrp::"),
    ("src/bin/rserpool/bench", "crate::bench::"),
    ("benches/load", "crate::"),
];

/// What a `mod.rs` defines itself and its files may name, which closes a circle. `Registrar` is the one type that routes: files add
/// methods to it, and it holds the types that own their state. These may not name it. `Step` stands in each signature.
const KEPT: &[(&str, &[&str])] =
    &[("src/registrar", &["Registrar", "Step"]), ("src/registrar/enrp", &["Registrar", "Step"])];

/// The files of the registrar that say what there is, and do nothing; `mod.rs` is where `Registrar` is.
const PLAIN: &[&str] = &["config", "config_error", "interface", "mod", "statistics"];

/// The files of the registrar with types that own what they change, and tell what comes of it.
const OWNERS: &[&str] = &[
    "associations",
    "buffers",
    "departed",
    "events",
    "keep_alives",
    "lateness",
    "refusals",
    "registrations",
    "reports",
    "rsplib",
    "second_opinions",
    "silence",
    "sources",
    "subscriptions",
    "waiting_registrations",
    "witnesses",
    "enrp/arbitrations",
    "enrp/audit",
    "enrp/claims",
    "enrp/contacts",
    "enrp/download",
    "enrp/gossip",
    "enrp/heartbeats",
    "enrp/peers",
    "enrp/phase",
    "enrp/senders",
    "enrp/stamps",
    "enrp/start",
    "enrp/strangers",
    "enrp/timers",
];

#[test]
fn no_circle_of_files() {
    for (folder, path) in ACYCLIC {
        let arrows = arrows_in(Path::new(folder), path);
        assert!(arrows.values().any(|named| !named.is_empty()), "{folder}: no file names another one, which cannot be");
        if let Some(circle) = circle_in(&arrows) {
            panic!("a circle of files in {folder}: {}", circle.join(" -> "));
        }
    }
}

#[test]
fn types_of_the_registrar_that_own_their_state_do_not_know_who_routes() {
    let mut files = Vec::new();
    collect(Path::new("src/registrar"), &mut files);
    files.retain(|file| file.file_stem().is_some_and(|stem| stem != "tests"));
    let names_it = |file: &PathBuf| {
        let source = fs::read_to_string(file).expect("a source file");
        let paths =
            ["super::", "crate::registrar::"].map(|prefix| source.split(prefix).skip(1).flat_map(names_at).collect());
        paths.into_iter().any(|named: Vec<_>| named.iter().any(|name| name == "Registrar"))
    };
    let name = |file: PathBuf| file.with_extension("").strip_prefix("src/registrar").expect("inside").to_owned();
    let others: BTreeSet<PathBuf> = files.into_iter().filter(|file| !names_it(file)).map(name).collect();
    let expected: BTreeSet<PathBuf> = OWNERS.iter().chain(PLAIN).map(PathBuf::from).collect();
    assert_eq!(others, expected, "each file without methods of Registrar stands in OWNERS or PLAIN, and no other");
}

#[test]
fn a_circle_is_found() {
    let arrows = |list: &[(&str, &[&str])]| -> Arrows {
        let owned = |names: &&[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        list.iter().map(|(from, to)| ((*from).to_owned(), owned(to))).collect()
    };
    assert_eq!(circle_in(&arrows(&[("a", &["b", "c"]), ("b", &["c"]), ("c", &[])])), None);
    let circle = circle_in(&arrows(&[("a", &["b"]), ("b", &["c"]), ("c", &["b"])])).expect("a circle");
    assert_eq!(circle, ["b", "c", "b"]);
}

/// The files that have the others as modules.
const ROOTS: &[&str] = &["mod.rs", "main.rs"];

/// Each file with those that it names.
type Arrows = BTreeMap<String, BTreeSet<String>>;

fn arrows_in(folder: &Path, path: &str) -> Arrows {
    let mut files = Vec::new();
    collect(folder, &mut files);
    let name = |file: &Path| -> String {
        let inside = file.strip_prefix(folder).expect("a file of the folder");
        let first = inside.iter().next().and_then(|name| name.to_str()).expect("a name");
        first.trim_end_matches(".rs").to_owned()
    };
    let all: BTreeSet<String> = files.iter().map(|file| name(file)).collect();
    let handed_on = handed_on(folder, &all);
    let kept = KEPT.iter().find(|(kept, _)| Path::new(kept) == folder).map_or(&[][..], |(_, names)| names);
    let mut arrows = Arrows::new();
    for file in files.iter().filter(|file| !ROOTS.iter().any(|root| **file == folder.join(root))) {
        let from = name(file);
        let source = fs::read_to_string(file).expect("a source file");
        // Below the folder, `super` is the file whose folder it is.
        let is_direct = file.parent() == Some(folder);
        let prefixes = [Some(path), Some("super::").filter(|_| is_direct)];
        for (at, prefix) in prefixes.into_iter().flatten().flat_map(|prefix| source.match_indices(prefix)) {
            let rest = &source[at + prefix.len()..];
            if rest.starts_with("super::") || source[..at].ends_with("super::") {
                continue; // beyond the folder
            }
            for named in names_at(rest) {
                // What `mod.rs` hands on comes from the file where it is.
                let origin = handed_on.get(&named).unwrap_or(&named);
                if all.contains(origin) {
                    arrows.entry(from.clone()).or_default().extend((*origin != from).then(|| origin.clone()));
                } else if named.starts_with(char::is_uppercase) {
                    assert!(kept.contains(&named.as_str()), "{}: {named} hides an arrow to mod.rs", file.display());
                }
            }
        }
    }
    arrows
}

/// The names that the `mod.rs` of a folder takes from its files, and from which.
fn handed_on(folder: &Path, all: &BTreeSet<String>) -> BTreeMap<String, String> {
    let source = ROOTS.iter().find_map(|root| fs::read_to_string(folder.join(root)).ok()).expect("mod.rs or main.rs");
    let uses = source.split(';').filter_map(|statement| statement.rsplit_once("use ").map(|(_, path)| path));
    let inside = uses.filter_map(|path| path.split_once("::")).filter(|(file, _)| all.contains(*file));
    inside.flat_map(|(file, names)| names_at(names).into_iter().map(move |name| (name, file.to_owned()))).collect()
}

/// What a path goes on with: one name, or those of a braced list.
fn names_at(path: &str) -> Vec<String> {
    match path.strip_prefix('{') {
        Some(list) => first_names(list),
        None => first_name(path).into_iter().collect(),
    }
}

/// A way along the arrows that ends where it began.
fn circle_in(arrows: &Arrows) -> Option<Vec<String>> {
    arrows.keys().find_map(|start| {
        let mut ways = vec![vec![start.clone()]];
        let mut seen = BTreeSet::new();
        while let Some(way) = ways.pop() {
            let last = way.last().expect("a way has a beginning");
            for next in arrows.get(last).into_iter().flatten() {
                let mut longer = way.clone();
                longer.push(next.clone());
                if next == start {
                    return Some(longer);
                }
                if seen.insert(next.clone()) {
                    ways.push(longer);
                }
            }
        }
        None
    })
}

/// The files of a module: `src/NAME.rs` and all below `src/NAME/`.
fn files_of(module: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let alone = PathBuf::from(format!("src/{module}.rs"));
    if alone.exists() {
        files.push(alone);
    }
    collect(Path::new(&format!("src/{module}")), &mut files);
    assert!(!files.is_empty(), "there is no module {module}");
    files
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.expect("an entry of a folder").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The modules at the root of the crate that a source names by `crate::`, comments included: a link in a comment is an arrow, too.
fn modules_named(source: &str) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for (at, prefix) in source.match_indices("crate::") {
        // `$crate::` of a macro is written where the macro lives, and counts as any other.
        let rest = &source[at + prefix.len()..];
        named.extend(names_at(rest).into_iter().filter(|name| name.starts_with(|c: char| c.is_ascii_lowercase())));
    }
    named
}

/// The first name of each path in a braced list, up to the brace that closes it.
fn first_names(list: &str) -> Vec<String> {
    let mut depth = 0;
    let mut at_start = true;
    let mut names = Vec::new();
    for (at, character) in list.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => at_start = true,
            _ if at_start && !character.is_whitespace() => {
                at_start = false;
                names.extend(first_name(&list[at..]));
            }
            _ => {}
        }
    }
    names
}

/// The name that a path begins with: of a module, a type or a function. Macros are named from the root of the crate, and are none.
fn first_name(path: &str) -> Option<String> {
    let name: String = path.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    (!name.is_empty() && !path[name.len()..].starts_with('!')).then_some(name)
}

/// Everything in backticks of a text that looks like a file or a folder of ours.
fn paths_in(text: &str) -> BTreeSet<&str> {
    let is_path = |word: &&str| {
        let plain = word.chars().all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c));
        plain && !word.starts_with('/') && (word.ends_with(".rs") || word.ends_with('/'))
    };
    // Fenced blocks are drawings.
    let prose = text.split("```").step_by(2);
    prose.flat_map(|part| part.split('`').skip(1).step_by(2)).filter(is_path).collect()
}

fn all_paths(directory: &Path, below: &Path, paths: &mut Vec<String>) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        let name = path.strip_prefix(below).expect("below").to_string_lossy().into_owned();
        if path.is_dir() {
            paths.push(format!("/{name}/"));
            all_paths(&path, below, paths);
        } else {
            paths.push(format!("/{name}"));
        }
    }
}

#[test]
fn architecture_names_files_that_exist_and_every_folder_of_the_sources() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let mut paths = Vec::new();
    for top in
        ["src", "tests", "benches", "fuzz", "scripts", "man", "exports", "packaging", "debian", "c-examples", "include"]
    {
        paths.push(format!("/{top}/"));
        all_paths(&root.join(top), root, &mut paths);
    }
    let named = paths_in(&text);
    assert!(named.len() > 50, "only {} paths found", named.len());
    let missing: Vec<_> =
        named.iter().filter(|word| !paths.iter().any(|path| path.ends_with(&format!("/{word}")))).collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md names what is not there: {missing:?}");
    for folder in fs::read_dir(root.join("src")).expect("src").map(|entry| entry.expect("an entry").path()) {
        if folder.is_dir() {
            let name = format!("src/{}/", folder.file_name().expect("a name").to_string_lossy());
            assert!(text.contains(&format!("`{name}")), "the map of ARCHITECTURE.md says nothing of {name}");
        }
    }
}
