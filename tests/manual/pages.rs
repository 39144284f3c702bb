//! Reads manual pages in mdoc, as far as ours go, and C headers.

use crate::support::errnos::errno_name;
use rserpool::ffi::errors::Function;
use std::collections::{BTreeMap, BTreeSet};

/// What a page of section 3 says.
#[derive(Debug, Default)]
pub struct Page {
    /// The functions that it is about.
    pub names: Vec<String>,
    /// Prototypes by function, in normal form.
    synopsis: BTreeMap<String, String>,
    /// What may go wrong, by function.
    errnos: BTreeMap<String, BTreeSet<String>>,
    /// System calls named in ERRORS, like "close(2)".
    system_calls: BTreeSet<String>,
    /// Their source texts.
    pub examples: Vec<String>,
    /// The text of STANDARDS; empty without one.
    pub standards: String,
    sections: BTreeSet<String>,
}

const SECTIONS: [&str; 7] = ["NAME", "SYNOPSIS", "DESCRIPTION", "RETURN VALUES", "EXAMPLES", "ERRORS", "SEE ALSO"];

/// Lines that are no comments.
pub fn visible(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.starts_with(".\\\""))
}

impl Page {
    pub fn parse(text: &str) -> Page {
        let mut page = Page::default();
        for section in text.split("\n.Sh ").skip(1) {
            let (title, body) = section.split_once('\n').unwrap_or((section, ""));
            page.sections.insert(title.to_owned());
            match title {
                "NAME" => page.names = visible(body).filter_map(|line| macro_of(line, "Nm")).collect(),
                "SYNOPSIS" => page.parse_synopsis(body),
                "ERRORS" => page.parse_errors(body),
                "EXAMPLES" => page.parse_examples(body),
                "STANDARDS" => page.standards = body.to_owned(),
                _ => {}
            }
        }
        page
    }

    /// `.Ft TYPE`, `.Fo NAME`, `.Fa "ARGUMENT"`..., `.Fc`.
    fn parse_synopsis(&mut self, body: &str) {
        let (mut result, mut name, mut arguments) = (String::new(), String::new(), Vec::new());
        for line in visible(body) {
            match line.split_once(' ').unwrap_or((line, "")) {
                (".Ft", text) => result = text.to_owned(),
                (".Fo", text) => (name, arguments) = (text.to_owned(), Vec::new()),
                (".Fa", text) => arguments.push(text.trim_matches('"').to_owned()),
                (".Fc", _) => {
                    let prototype = normal_form(&format!("{result} {name}({})", arguments.join(", ")));
                    self.synopsis.insert(name.clone(), prototype);
                }
                _ => {}
            }
        }
    }

    /// A list of errnos belongs to the functions that the sentence before it names.
    fn parse_errors(&mut self, body: &str) {
        let (mut functions, mut in_list) = (Vec::new(), false);
        for line in visible(body) {
            if line.starts_with(".Bl ") {
                in_list = true;
            } else if line == ".El" {
                (functions, in_list) = (Vec::new(), false);
            } else if let Some(errno) = macro_of(line, "It Bq Er") {
                for function in &functions {
                    self.errnos.entry(String::clone(function)).or_default().insert(errno.clone());
                }
            } else if let Some(function) = macro_of(line, "Fn").filter(|_| !in_list) {
                functions.push(function);
            } else if let Some(page) = line.strip_prefix(".Xr ").filter(|_| !in_list) {
                let mut words = page.split_whitespace();
                if let (Some(name), Some(section)) = (words.next(), words.next()) {
                    self.system_calls.insert(format!("{name}({section})"));
                }
            }
        }
    }

    fn parse_examples(&mut self, body: &str) {
        for block in body.split(".Bd -literal\n").skip(1) {
            let code = block.split("\n.Ed").next().unwrap_or("");
            let lines = code.lines().map(|line| line.trim_start_matches("\\&").replace("\\e", "\\"));
            self.examples.push(lines.map(|line| line + "\n").collect());
        }
    }
}

/// The first argument of a macro line, if it is this macro's.
fn macro_of(line: &str, name: &str) -> Option<String> {
    let rest = line.strip_prefix('.')?.strip_prefix(name)?.strip_prefix(' ')?;
    rest.split_whitespace().next().map(str::to_owned)
}

/// White space does not make a difference, nor does where the star of a pointer stands.
fn normal_form(prototype: &str) -> String {
    let words: Vec<&str> = prototype.split_whitespace().collect();
    words.join(" ").replace(" *", "*").replace("* ", "*")
}

/// Everything that is wrong with a page, in words.
pub fn faults(page: &Page, prototypes: &BTreeMap<String, String>, table: &[Function]) -> Vec<String> {
    let mut faults: Vec<String> =
        SECTIONS.iter().filter(|title| !page.sections.contains(**title)).map(|title| format!("no {title}")).collect();
    if page.examples.is_empty() {
        faults.push("no example".to_owned());
    }
    for name in page.synopsis.keys().chain(page.errnos.keys()).filter(|name| !page.names.contains(name)) {
        faults.push(format!("says something of {name}, which is not its subject"));
    }
    for name in &page.names {
        let Some(function) = table.iter().find(|function| function.name == name) else {
            faults.push(format!("there is no function {name}"));
            continue;
        };
        let (ours, headers) = (page.synopsis.get(name), prototypes.get(name));
        if ours != headers {
            faults.push(format!("SYNOPSIS has {ours:?}, the header {headers:?}"));
        }
        let possible: BTreeSet<String> = function.errnos().map(|errno| errno_name(errno).to_owned()).collect();
        let named = page.errnos.get(name).cloned().unwrap_or_default();
        for errno in named.difference(&possible) {
            faults.push(format!("{name}() never sets {errno}"));
        }
        for errno in possible.difference(&named) {
            faults.push(format!("{name}() may set {errno}"));
        }
        if !function.passes_on.is_empty() && !page.system_calls.contains(function.passes_on) {
            faults.push(format!("ERRORS says nothing of {}", function.passes_on));
        }
    }
    faults
}

/// The prototypes of a header, in normal form, by function.
pub fn prototypes(header: &str) -> BTreeMap<String, String> {
    let code: String = without_comments(header)
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| format!("{line}\n"))
        .collect();
    let mut prototypes = BTreeMap::new();
    for statement in code.split([';', '{', '}']) {
        let Some((before, _)) = statement.split_once('(') else { continue };
        let name = before.rsplit([' ', '*', '\n']).next().unwrap_or("");
        if name.starts_with("rsp_") {
            prototypes.insert(name.to_owned(), normal_form(statement));
        }
    }
    prototypes
}

fn without_comments(text: &str) -> String {
    let mut code = String::new();
    for (number, part) in text.split("/*").enumerate() {
        code.push_str(if number == 0 { part } else { part.split_once("*/").map_or("", |(_, code)| code) });
    }
    code
}

/// The comment right before the declaration of a function.
pub fn comment_of<'a>(header: &'a str, function: &str) -> &'a str {
    let declaration = header
        .match_indices(&format!("{function}("))
        .map(|(at, _)| at)
        .find(|at| header[..*at].rsplit('\n').next().is_some_and(|line| !line.trim_start().starts_with(['*', '/'])));
    let before = &header[..declaration.unwrap_or_else(|| panic!("{function} is not declared"))];
    &before[before.rfind("/**").unwrap_or(0)..]
}
