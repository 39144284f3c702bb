//! The page for operators: files that are part of the program. They ask this registrar for everything, and nobody else.

/// Path, type, and text.
pub const FILES: [(&str, &str, &str); 11] = [
    ("/", HTML, include_str!("page/index.html")),
    ("/page/page.css", "text/css; charset=utf-8", include_str!("page/page.css")),
    ("/page/icon.svg", "image/svg+xml", include_str!("page/icon.svg")),
    ("/page/page.js", SCRIPT, include_str!("page/page.js")),
    ("/page/words.js", SCRIPT, include_str!("page/words.js")),
    ("/page/nodes.js", SCRIPT, include_str!("page/nodes.js")),
    ("/page/graphs.js", SCRIPT, include_str!("page/graphs.js")),
    ("/page/scope.js", SCRIPT, include_str!("page/scope.js")),
    ("/page/events.js", SCRIPT, include_str!("page/events.js")),
    ("/page/lists.js", SCRIPT, include_str!("page/lists.js")),
    ("/page/element.js", SCRIPT, include_str!("page/element.js")),
];

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// What a browser may do with anything that comes from here: nothing but read these files and ask this registrar.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_refers_to_its_own_files_alone() {
        let known: Vec<&str> = FILES.iter().map(|(path, ..)| *path).collect();
        let (_, _, html) = FILES[0];
        let references = html.split(['"', '\'']).filter(|text| text.starts_with("/page/"));
        let references: Vec<&str> = references.collect();
        assert!(references.len() >= 3 && references.iter().all(|path| known.contains(path)), "{references:?}");
        for (path, _, text) in FILES {
            let imports = text.split("from \"./").skip(1).filter_map(|rest| rest.split('"').next());
            for import in imports {
                assert!(known.contains(&format!("/page/{import}").as_str()), "{path} imports {import}");
            }
        }
    }

    #[test]
    fn nothing_of_the_page_is_elsewhere_and_no_text_becomes_markup() {
        // The name of a language, which nobody looks up.
        const SVG: &str = "http://www.w3.org/2000/svg";
        for (path, _, text) in FILES {
            let text = text.replace(SVG, "");
            for word in
                ["http:", "https:", "//cdn", "innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval("]
            {
                assert!(!text.contains(word), "{path} has {word}");
            }
            assert!(
                !text.contains("style=") && !text.contains("onclick="),
                "{path}: the policy forbids what is inline"
            );
        }
    }
}
