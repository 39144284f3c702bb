//! The C headers are made from `src/ffi`, committed, and never drift from it.
//!
//! `scripts/headers` writes them anew.

use std::path::Path;

/// What one header consists of.
struct Header {
    name: &'static str,
    /// Files of `src/ffi`, in the order in which their functions appear.
    sources: &'static [&'static str],
    guard: &'static str,
    /// What cbindgen cannot make: includes and macros.
    preamble: &'static str,
    /// Types to define though no function mentions them.
    export: &'static [&'static str],
    /// Types to mention only, because another header defines them.
    foreign: &'static [&'static str],
}

const HEADERS: [Header; 5] = [
    Header {
        name: "rserpool.h",
        sources: &[
            "constants",
            "types",
            "library",
            "basic",
            "registration",
            "socket",
            "pool_element",
            "pool_user",
            "io",
            "pool_sending",
            "pool_info",
            "poll",
            "mapping",
            "names",
            "error_texts",
        ],
        guard: "RSERPOOL_H",
        preamble: include_str!("preamble-rserpool.h"),
        export: &[],
        foreign: &[],
    },
    Header {
        name: "rserpool-internals.h",
        sources: &["tag_numbers", "tags", "element_tags"],
        guard: "RSERPOOLINTERNALS_H",
        preamble: "#include \"rserpool.h\"\n#include \"tagitem.h\"",
        export: &[],
        foreign: &["TagItem", "rsp_addrinfo", "rsp_loadinfo"],
    },
    Header {
        name: "rserpool-policytypes.h",
        sources: &["policy_types"],
        guard: "RSERPOOL_POLICYTYPES_H",
        preamble: include_str!("preamble-policytypes.h"),
        export: &[],
        foreign: &[],
    },
    Header {
        name: "rserpool-csp.h",
        sources: &[],
        guard: "RSERPOOL_CSP_H",
        preamble: include_str!("preamble-csp.h"),
        export: &[],
        foreign: &[],
    },
    Header {
        name: "tagitem.h",
        sources: &["tag_item"],
        guard: "TAGITEM_H",
        preamble: "#include <stdio.h>\n#include <sys/types.h>",
        export: &["TagItem"],
        foreign: &[],
    },
];

fn generate(root: &Path, header: &Header) -> String {
    let mut config = cbindgen::Config::from_file(root.join("cbindgen.toml")).expect("cbindgen.toml");
    config.include_guard = Some(header.guard.to_owned());
    config.after_includes = Some(format!("\n{}", header.preamble.trim_end()));
    config.export.include = header.export.iter().map(|name| (*name).to_owned()).collect();
    for name in header.foreign {
        config.export.rename.insert((*name).to_owned(), format!("struct {name}"));
    }
    let mut builder = cbindgen::Builder::new().with_config(config);
    for source in header.sources {
        builder = builder.with_src(root.join(format!("src/ffi/{source}.rs")));
    }
    let mut text = Vec::new();
    builder.generate().expect("src/ffi makes a header").write(&mut text);
    polish(&String::from_utf8(text).expect("UTF-8"))
}

/// What cbindgen leaves to be desired: comments that C89 refuses, `# Returns` and other titles for readers of Markdown only, and policy
/// numbers in decimal.
fn polish(text: &str) -> String {
    let mut polished = String::new();
    // Fences keep rustdoc from compiling what is C; readers of C have no use for them.
    let is_fence = |line: &&str| line.trim_start().starts_with("* ```");
    for line in text.lines().filter(|line| !is_fence(line)) {
        let line = match line.split_once("  // ").or_else(|| line.split_once(" // ")) {
            Some((code, comment)) if code.starts_with("#endif") => format!("{code} /* {comment} */"),
            _ => line.to_owned(),
        };
        let line = ["Returns", "Errors", "Standards"]
            .iter()
            .fold(line, |line, title| line.replace(&format!(" * # {title}"), &format!(" * {title}:")));
        polished.push_str(&hexadecimal(&line).unwrap_or(line));
        polished.push('\n');
    }
    polished
}

/// `#define NAME 1073741825u` as `#define NAME 0x40000001`.
fn hexadecimal(line: &str) -> Option<String> {
    let (define, value) = line.strip_prefix("#define ")?.split_once(' ')?;
    let value: u32 = value.strip_suffix('u')?.parse().ok()?;
    Some(format!("#define {define} 0x{value:08x}"))
}

#[test]
fn the_committed_headers_are_those_that_the_sources_make() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let update = std::env::var_os("UPDATE_HEADERS").is_some();
    for header in &HEADERS {
        let made = generate(root, header);
        let path = root.join("include/rserpool").join(header.name);
        if update {
            std::fs::write(&path, &made).unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(made == committed, "include/rserpool/{} is not what src/ffi makes: run scripts/headers", header.name);
    }
}

#[test]
fn polishing_writes_policy_numbers_as_people_know_them() {
    assert_eq!(polish("#define PPT_X 2952794113u"), "#define PPT_X 0xb0001001\n");
    assert_eq!(polish("#endif  // __cplusplus"), "#endif /* __cplusplus */\n");
    assert_eq!(polish("#define FFF_NONE 0"), "#define FFF_NONE 0\n");
}
