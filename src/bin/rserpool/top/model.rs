//! What is shown, and what keys do to it.

use super::fetch::{COUNTERS, Look};
use crate::http_client::Said;
use crate::show;
use crate::terminal::plain;
use serde_json::Value;
use std::sync::Arc;

/// A key, by what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    Character(char),
    /// So many lines down.
    Move(isize),
    Enter,
    Back,
    /// The next list.
    Next,
    Erase,
    End,
}

/// What comes of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    GoOn,
    End,
}

/// A list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum List {
    #[default]
    Pools,
    /// Of the pool of this name.
    Elements(String),
    Registrars,
    Events,
}

/// Whether letters are commands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Typing {
    #[default]
    Commands,
    Filter,
}

/// A line of a list, in its columns.
pub type Row = Vec<String>;

/// All of it.
#[derive(Debug, Default)]
pub struct Model {
    pub look: Option<Arc<Look>>,
    /// A second, in the order of [`COUNTERS`].
    pub rates: Option<[f64; COUNTERS.len()]>,
    /// Why there is nothing newer.
    pub problem: Option<String>,
    pub list: List,
    pub filter: String,
    pub typing: Typing,
    /// The column that the list is sorted by.
    pub sort: usize,
    /// The line that the cursor is on.
    pub selected: usize,
    /// The pool whose elements have been asked for.
    asked: Option<String>,
}

impl Model {
    /// The registrar has been looked at, or has not answered.
    pub fn look(&mut self, look: Result<Arc<Look>, String>) {
        let look = match look {
            Ok(look) => look,
            Err(why) => return self.problem = Some(why),
        };
        self.problem = None;
        self.rates = self.look.as_ref().and_then(|before| rates(before, &look));
        self.look = Some(look);
    }

    /// The pool whose elements are wanted, if that is another one than before.
    pub fn pool(&mut self) -> Option<Option<String>> {
        let wanted = match &self.list {
            List::Elements(pool) => Some(pool.clone()),
            _ => None,
        };
        (wanted != self.asked).then(|| {
            self.asked.clone_from(&wanted);
            wanted
        })
    }

    pub fn press(&mut self, key: Key) -> Next {
        match (key, self.typing) {
            (Key::End, _) | (Key::Character('q'), Typing::Commands) => return Next::End,
            (Key::Character(c), Typing::Filter) => self.filter.push(c),
            (Key::Erase, Typing::Filter) => drop(self.filter.pop()),
            (Key::Enter, Typing::Filter) => self.typing = Typing::Commands,
            (Key::Back, Typing::Filter) => {
                self.typing = Typing::Commands;
                self.filter.clear();
            }
            (Key::Character('/'), Typing::Commands) => self.typing = Typing::Filter,
            (Key::Character('s'), Typing::Commands) => self.sort = (self.sort + 1) % self.head().len(),
            (Key::Enter, Typing::Commands) => self.open(),
            (Key::Back, Typing::Commands) if self.filter.is_empty() => self.go_to(List::Pools),
            (Key::Back, Typing::Commands) => self.filter.clear(),
            (Key::Next, _) => self.go_to(match self.list {
                List::Pools | List::Elements(_) => List::Registrars,
                List::Registrars => List::Events,
                List::Events => List::Pools,
            }),
            (Key::Move(lines), _) => self.selected = self.selected.saturating_add_signed(lines),
            (Key::Character(_) | Key::Erase, Typing::Commands) => {}
        }
        self.selected = self.selected.min(self.rows().len().saturating_sub(1));
        Next::GoOn
    }

    fn go_to(&mut self, list: List) {
        self.list = list;
        self.filter.clear();
        (self.sort, self.selected) = (0, 0);
    }

    /// The elements of the pool that the cursor is on.
    fn open(&mut self) {
        if self.list == List::Pools {
            if let Some(name) = self.rows().get(self.selected).and_then(|row| row.first().cloned()) {
                self.go_to(List::Elements(name));
            }
        }
    }

    /// The columns of the list.
    pub fn head(&self) -> &'static [&'static str] {
        match self.list {
            List::Pools => &["POOL", "ELEMENTS", "POLICY"],
            List::Elements(_) => &["ELEMENT", "HOME", "LIFE", "POLICY", "AT"],
            List::Registrars => &["REGISTRAR", "STATE", "AGREES", "ELEMENTS", "SILENT MS", "AT"],
            List::Events => &["TIME", "EVENT", "POOL", "ELEMENT", "REGISTRAR", "CAUSE"],
        }
    }

    /// The lines of the list that fit the filter, in the order that is wanted.
    pub fn rows(&self) -> Vec<Row> {
        let Some(look) = &self.look else { return Vec::new() };
        let (values, row): (&[Value], fn(&Value) -> Row) = match self.list {
            List::Pools => (&look.pools, pool),
            List::Elements(_) => (look.elements.as_deref().unwrap_or_default(), element),
            List::Registrars => (&look.others, registrar),
            List::Events => (&look.events, event),
        };
        let mut rows: Vec<Row> = values.iter().map(row).collect();
        let filter = self.filter.to_lowercase();
        rows.retain(|row| filter.is_empty() || row.iter().any(|cell| cell.to_lowercase().contains(&filter)));
        // Events come in their order, the newest first.
        if self.list != List::Events || self.sort != 0 {
            rows.sort_by(|a, b| order(a, b, self.sort));
        }
        rows
    }
}

/// Numbers by what they are, the largest first; the rest as text.
fn order(a: &[String], b: &[String], column: usize) -> std::cmp::Ordering {
    let [a, b] = [a, b].map(|row| row.get(column).map_or("", String::as_str));
    match (a.parse::<u64>(), b.parse::<u64>()) {
        (Ok(a), Ok(b)) => b.cmp(&a),
        _ => a.cmp(b),
    }
}

fn rates(before: &Look, now: &Look) -> Option<[f64; COUNTERS.len()]> {
    let seconds = now.at.saturating_since(before.at).as_secs_f64();
    let mut rates = now.counters;
    rates.iter_mut().zip(before.counters).for_each(|(rate, before)| *rate = (*rate - before) / seconds);
    // One that has begun anew counts from zero.
    (seconds > 0.0 && rates.iter().all(|rate| *rate >= 0.0)).then_some(rates)
}

/// A cell: text of others does nothing to a terminal.
fn cell(text: &str) -> String {
    plain(text).into_owned()
}

fn pool(value: &Value) -> Row {
    vec![cell(value.text("pool")), value.number("elements").to_string(), cell(value.text("policy"))]
}

fn element(value: &Value) -> Row {
    let element = value.get("element").unwrap_or(&Value::Null);
    let policy = element.get("policy").unwrap_or(&Value::Null);
    let transport = element.get("user_transport").unwrap_or(&Value::Null);
    let values =
        policy.as_object().into_iter().flatten().filter(|(name, _)| !["type", "name"].contains(&name.as_str()));
    let values: Vec<String> = values.map(|(name, value)| format!("{name} {}", show_value(value))).collect();
    let addresses: Vec<String> = transport.list("addresses").iter().filter_map(Value::as_str).map(show::host).collect();
    let life =
        element.get("registration_life_s").and_then(Value::as_u64).map_or("-".to_owned(), |life| life.to_string());
    vec![
        format!("{:#010x}", element.number("id")),
        format!("{:#010x}", element.number("home_registrar")),
        life,
        cell(format!("{} {}", policy.text("name"), values.join(", ")).trim_end()),
        cell(&format!("{} {}:{}", transport.text("protocol"), addresses.join(","), transport.number("port"))),
    ]
}

fn show_value(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn registrar(value: &Value) -> Row {
    let agrees = match value.get("agrees").and_then(Value::as_bool) {
        Some(true) => "yes",
        Some(false) => "no",
        None => "?",
    };
    vec![
        cell(value.text("id")),
        cell(value.text("state")),
        agrees.to_owned(),
        value.number("elements").to_string(),
        value.number("silent_ms").to_string(),
        cell(value.text("address")),
    ]
}

fn event(value: &Value) -> Row {
    ["time", "event", "pool", "element", "registrar", "cause"].map(|name| cell(value.text(name))).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rserpool::Time;

    fn values(text: &str) -> Vec<Value> {
        serde_json::from_str(text).expect("JSON")
    }

    fn model() -> Model {
        let look = Look {
            at: Time::from_secs(1),
            pools: values(
                r#"[{"pool":"B","elements":3,"policy":"Random"},{"pool":"A\u001b","elements":20,"policy":"RoundRobin"}]"#,
            ),
            events: values(r#"[{"time":"2","event":"removed","cause":"x"},{"time":"1","event":"registered"}]"#),
            ..Look::default()
        };
        let mut model = Model::default();
        model.look(Ok(Arc::new(look)));
        model
    }

    fn first_column(model: &Model) -> Vec<String> {
        model.rows().into_iter().map(|mut row| row.remove(0)).collect()
    }

    #[test]
    fn lists_are_sorted_by_name_or_by_number_and_filtered_by_all_that_is_in_a_line() {
        let mut model = model();
        assert_eq!(first_column(&model), [r"A\u{1b}", "B"]);
        model.press(Key::Character('s'));
        assert_eq!(first_column(&model), [r"A\u{1b}", "B"], "twenty are more than three");
        for c in "/RANDOM".chars() {
            model.press(Key::Character(c));
        }
        assert_eq!(first_column(&model), ["B"]);
        assert_eq!(model.press(Key::Character('q')), Next::GoOn, "a letter of the filter");
        model.press(Key::Back);
        assert_eq!((first_column(&model).len(), model.press(Key::Character('q'))), (2, Next::End));
    }

    #[test]
    fn keys_go_through_the_lists_and_never_beyond_their_ends() {
        let mut model = model();
        model.press(Key::Move(isize::MAX));
        assert_eq!(model.selected, 1);
        model.press(Key::Enter);
        assert_eq!((model.pool(), &model.list), (Some(Some("B".to_owned())), &List::Elements("B".to_owned())));
        assert_eq!(model.pool(), None, "it is asked for once");
        model.press(Key::Move(5));
        model.press(Key::Back);
        assert_eq!((model.pool(), &model.list, model.selected), (Some(None), &List::Pools, 0));
        model.press(Key::Next);
        model.press(Key::Next);
        assert_eq!((&model.list, first_column(&model)), (&List::Events, vec!["2".to_owned(), "1".to_owned()]));
        model.press(Key::Move(isize::MIN));
        assert_eq!((model.selected, model.press(Key::End)), (0, Next::End));
    }

    #[test]
    fn rates_are_by_the_second_and_there_are_none_when_a_registrar_begins_anew() {
        let at = |seconds, count| Look {
            at: Time::from_secs(seconds),
            counters: [count; COUNTERS.len()],
            ..Look::default()
        };
        assert_eq!(rates(&at(1, 10.0), &at(3, 30.0)), Some([10.0; COUNTERS.len()]));
        assert_eq!(rates(&at(1, 10.0), &at(3, 0.0)), None);
        assert_eq!(rates(&at(1, 10.0), &at(1, 10.0)), None);
    }
}
