//! Metrics for readers of Prometheus' older text format, which has the names of counters with their suffix everywhere, and no end.

/// The same metrics in that format.
pub fn of_openmetrics(text: &str) -> String {
    let mut classic = String::with_capacity(text.len());
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let described = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' '));
        let typed = lines.peek().copied().and_then(|next| next.strip_prefix("# TYPE ")?.strip_suffix(" counter"));
        match (described, typed) {
            (Some((name, help)), Some(counter)) if name == counter => {
                classic += &format!("# HELP {name}_total {help}\n# TYPE {name}_total counter\n");
                lines.next();
            }
            _ if line == "# EOF" => {}
            _ => {
                classic.push_str(line);
                classic.push('\n');
            }
        }
    }
    classic
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_have_their_suffix_everywhere_and_the_rest_stays() {
        let text =
            "# HELP a Things.\n# TYPE a counter\na_total 1\n# HELP b Others.\n# TYPE b gauge\nb{x=\"y\"} 2\n# EOF\n";
        let classic = "# HELP a_total Things.\n# TYPE a_total counter\na_total 1\n# HELP b Others.\n# TYPE b gauge\nb{x=\"y\"} 2\n";
        assert_eq!(of_openmetrics(text), classic);
    }
}
