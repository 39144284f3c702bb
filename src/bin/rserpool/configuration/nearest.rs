//! What somebody may have meant who has mistyped a name.

/// The longest name that is compared.
const MAX_LENGTH: usize = 60;

/// The name that is most like `typed`, if one is like it at all.
pub fn nearest<'a>(typed: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if typed.len() > MAX_LENGTH {
        return None;
    }
    let typed = typed.to_lowercase().replace('_', "-");
    let like = |name: &&str| distance(&typed, name);
    names.min_by_key(like).filter(|name| distance(&typed, name) <= name.len() / 4 + 1)
}

/// Characters to be changed, put in or taken out.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (number, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = number + 1;
        for (column, to) in b.iter().enumerate() {
            let changed = diagonal + usize::from(from != *to);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_leads_to_the_name_and_nonsense_nowhere() {
        let names = ["keep-alive-interval", "keep-alive-timeout", "peer", "peers-dns", "log"];
        let nearest = |typed| nearest(typed, names.into_iter());
        assert_eq!(nearest("keepalive-interval"), Some("keep-alive-interval"));
        assert_eq!(nearest("keep_alive_timeout"), Some("keep-alive-timeout"));
        assert_eq!(nearest("peers"), Some("peer"));
        assert_eq!(nearest("LOG"), Some("log"));
        assert_eq!(nearest("colour"), None);
        assert_eq!(nearest(&"x".repeat(100_000)), None);
    }
}
