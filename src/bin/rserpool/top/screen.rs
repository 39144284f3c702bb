//! The lines of the screen.

use super::model::{List, Model, Typing};
use crate::http_client::Said;
use crate::status::use_of;
use crate::terminal::plain;
use serde_json::Value;

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub text: String,
    pub weight: Weight,
}

/// How it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    Plain,
    Bold,
    /// Where the cursor is, and the head of a list.
    Marked,
}

/// Characters between two columns.
const GAP: usize = 2;
/// Characters of a column but the last one, at most.
const WIDEST: usize = 40;

/// As many as fit.
pub fn lines(model: &Model, width: usize, height: usize) -> Vec<Line> {
    let mut lines =
        vec![line(title(model), Weight::Bold), line(rates(model), Weight::Plain), line(numbers(model), Weight::Plain)];
    let (mut rows, end) = (model.rows(), line(foot(model), Weight::Bold));
    let room = height.saturating_sub(lines.len() + 2);
    let first = (model.selected + 1).saturating_sub(room);
    let head: Vec<String> = model.head().iter().map(|name| (*name).to_owned()).collect();
    let shown: Vec<Vec<String>> = rows.drain(..).skip(first).take(room).collect();
    let widths = widths(std::iter::once(&head).chain(&shown));
    lines.push(line(columns(&head, &widths), Weight::Marked));
    for (at, row) in shown.iter().enumerate() {
        let weight = if first + at == model.selected { Weight::Marked } else { Weight::Plain };
        lines.push(line(columns(row, &widths), weight));
    }
    lines.resize(height.saturating_sub(1).max(lines.len()), line(String::new(), Weight::Plain));
    lines.push(end);
    lines.truncate(height);
    for line in &mut lines {
        line.text = line.text.chars().take(width).collect();
    }
    lines
}

fn line(text: String, weight: Weight) -> Line {
    Line { text, weight }
}

fn title(model: &Model) -> String {
    let Some(look) = &model.look else { return "no answer yet".to_owned() };
    let said = |name: &str| plain(look.registrar.text(name)).into_owned();
    format!(
        "registrar {}  {} since {}  ASAP {}  version {}",
        said("id"),
        said("state"),
        said("since"),
        said("asap"),
        said("version")
    )
}

fn rates(model: &Model) -> String {
    let Some([resolved, failed, registered, asked, received, sent]) = model.rates else {
        return "a second: not known yet".to_owned();
    };
    format!(
        "a second: {resolved:.0} resolutions, {failed:.0} failed, {registered:.0} registrations, {asked:.0} keep-alives, {received:.0} \
         messages received, {sent:.0} sent"
    )
}

fn numbers(model: &Model) -> String {
    let Some(look) = &model.look else { return String::new() };
    let number = |name: &str| look.registrar.number(name);
    let used = |limit: &Value| Some((use_of(limit)?, plain(limit.text("what")).into_owned()));
    let nearest = look.limits.iter().filter_map(used).max_by_key(|(used, _)| *used);
    let nearest = nearest.map_or_else(String::new, |(used, what)| format!("; nearest limit: {what}, {used} %"));
    let pools = match number("pools") {
        all if all > look.pools.len() as u64 => format!("{all} pools, of which {} are listed", look.pools.len()),
        all => format!("{all} pools"),
    };
    let (elements, own, associations) = (number("elements"), number("own_elements"), number("associations"));
    format!(
        "{pools}; {elements} elements, {own} its own; {associations} associations; {} other registrars{nearest}",
        look.others.len()
    )
}

fn foot(model: &Model) -> String {
    if let Some(problem) = &model.problem {
        return plain(problem).into_owned();
    }
    let list = match &model.list {
        List::Pools => "pools".to_owned(),
        List::Elements(pool) => format!("elements of {pool}"),
        List::Registrars => "other registrars".to_owned(),
        List::Events => "events".to_owned(),
    };
    let filter = plain(&model.filter);
    match model.typing {
        Typing::Filter => format!("{list}, those with: {filter}_   Enter: done  Escape: all"),
        Typing::Commands if !model.filter.is_empty() => {
            format!("{list} with \"{filter}\"   Escape: all  /: others  q: end")
        }
        Typing::Commands => {
            format!("{list}   Tab: next list  Enter: elements  Escape: pools  s: sort  /: filter  q: end")
        }
    }
}

fn widths<'a>(rows: impl Iterator<Item = &'a Vec<String>>) -> Vec<usize> {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        widths.resize(widths.len().max(row.len()), 0);
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count()).min(WIDEST);
        }
    }
    widths
}

fn columns(row: &[String], widths: &[usize]) -> String {
    let mut text = String::new();
    for (at, (cell, width)) in row.iter().zip(widths).enumerate() {
        if at + 1 == row.len() {
            text.push_str(cell);
        } else {
            let shown: String = cell.chars().take(*width).collect();
            text += &format!("{shown:<0$}", width + GAP);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::fetch::Look;
    use super::super::model::Key;
    use super::*;
    use std::sync::Arc;

    fn model(pools: usize) -> Model {
        let pool = |number: usize| format!(r#"{{"pool":"Pool-{number:03}\u001b","elements":1,"policy":"Random"}}"#);
        let pools: Vec<Value> = (0..pools).map(|number| serde_json::from_str(&pool(number)).expect("JSON")).collect();
        let registrar = serde_json::from_str(r#"{"id":"0x1\u001b[2J","state":"ready","pools":5000}"#).expect("JSON");
        let mut model = Model::default();
        model.look(Ok(Arc::new(Look { registrar, pools, ..Look::default() })));
        model
    }

    #[test]
    fn a_screen_is_as_large_as_the_terminal_and_has_nothing_in_it_that_a_terminal_obeys() {
        for (width, height) in [(80, 24), (10, 5), (1, 1), (300, 100), (0, 0)] {
            for pools in [0, 3, 1000] {
                let lines = lines(&model(pools), width, height);
                assert_eq!(lines.len(), height);
                assert!(lines.iter().all(|line| line.text.chars().count() <= width && !line.text.contains('\u{1b}')));
            }
        }
    }

    #[test]
    fn the_line_with_the_cursor_is_always_there() {
        let mut model = model(1000);
        for (keys, shown) in [(isize::MAX, "Pool-999"), (-5, "Pool-994"), (isize::MIN, "Pool-000")] {
            model.press(Key::Move(keys));
            let lines = lines(&model, 80, 24);
            let marked: Vec<_> = lines.iter().filter(|line| line.weight == Weight::Marked).collect();
            assert!(marked.len() == 2 && marked[1].text.starts_with(shown), "{marked:?}");
        }
        let text = lines(&model, 120, 24)[2].text.clone();
        assert!(text.starts_with("5000 pools, of which 1000 are listed"), "{text}");
    }

    #[test]
    fn a_registrar_that_does_not_answer_is_told_below_what_it_said_before() {
        let mut model = model(3);
        model.look(Err("no answer within 5s\u{1b}".to_owned()));
        let lines = lines(&model, 80, 24);
        assert!(
            lines[23].text.starts_with("no answer within 5s") && lines[4].text.starts_with("Pool-000"),
            "{lines:?}"
        );
    }
}
