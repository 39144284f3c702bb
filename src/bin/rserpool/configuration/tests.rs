use super::*;
use crate::settings::Options;
use rserpool::RegistrarId;
use std::collections::BTreeSet;
use std::time::Duration;

fn parsed(text: &str) -> Result<Vec<Choice>, String> {
    toml::choices(&"r.toml".into(), text).map_err(|mistakes| mistakes.to_string())
}

fn options_of(text: &str, options: &[(&str, &str)]) -> Result<Configuration, String> {
    let named = |(name, value): &(&str, &str)| (Setting::find(name).expect("a setting"), (*value).to_owned());
    let command_line = CommandLine { file: None, options: options.iter().map(named).collect() };
    let mut choices = parsed(text)?;
    prefer(&mut choices, of_command_line(&command_line));
    let options = apply(&mut choices).map_err(|mistakes| mistakes.to_string())?;
    Ok(Configuration { options, choices })
}

fn mistake(text: &str) -> String {
    options_of(text, &[]).map(|configuration| configuration.options).expect_err(text)
}

#[test]
fn values_have_the_types_that_one_expects() {
    let text = "max-pools = 7\nid = 0xBEEF\npeers-only = true\nnat = \"on\"\nkeep-alive-interval = '20ms'\n\
                peer = [\"192.0.2.1\", \"192.0.2.2:7\"]\nasap = \"127.0.0.1:9\"\nannounce = false\nlog = \"debug\"\n";
    let options = options_of(text, &[]).expect("no mistake").options;
    let core = &options.registrar.core;
    assert_eq!((core.max_pools, core.id, core.peers_only), (7, RegistrarId(0xbeef), true));
    assert_eq!(core.keep_alive_interval, Duration::from_millis(20));
    assert_eq!(Setting::find("peer").unwrap().show(&options), "192.0.2.1:9901, 192.0.2.2:7");
    assert_eq!(options.registrar.asap, ["127.0.0.1:9".parse().unwrap()]);
    assert!(options.registrar.announce_groups.is_empty());
    assert_eq!(options.log, log::LevelFilter::Debug);
}

#[test]
fn options_win_and_the_lists_of_the_file_do_not_come_on_top() {
    let file = "profile = \"fast\"\npeer = \"192.0.2.1\"\nkeep-alive-timeout = \"7s\"\nmax-pools = 5\n";
    let options = options_of(file, &[("peer", "192.0.2.9"), ("max-pools", "6")]).unwrap().options;
    assert_eq!(Setting::find("peer").unwrap().show(&options), "192.0.2.9:9901");
    assert_eq!(options.registrar.core.max_pools, 6);
    assert_eq!(options.registrar.core.keep_alive_timeout, Duration::from_secs(7), "goes before its profile");
    assert_eq!(options.registrar.core.keep_alive_interval, Duration::from_millis(60));
    let options = options_of(file, &[("profile", "default")]).unwrap().options;
    assert_eq!(options.registrar.core.keep_alive_interval, Duration::from_secs(5));
    assert_eq!(options.registrar.core.keep_alive_timeout, Duration::from_secs(7), "and before another one");
}

#[test]
fn a_mistake_is_told_with_its_place_and_what_was_meant() {
    for (text, told) in [
        (
            "\nkeepalive-interval = \"5s\"",
            "r.toml:2:1: there is no setting \"keepalive-interval\"; did you mean keep-alive-interval?",
        ),
        ("colour = 1", "r.toml:1:1: there is no setting \"colour\": they have the names of the options"),
        (
            "keep-alive-interval = 5",
            "r.toml:1:23: keep-alive-interval: this is a number, and text with a unit is wanted, as in keep-alive-interval = \"5s\"",
        ),
        ("max-pools = \"7\"", "r.toml:1:13: max-pools: this is text, and a number is wanted, as in max-pools = 65536"),
        ("max-pools = 0", "r.toml:1:13: max-pools: \"0\" is no positive number"),
        ("max-pools = -1", "r.toml:1:13: max-pools: \"-1\" is no positive number"),
        (
            "max-pools = 99999999999999999999999",
            "r.toml:1:13: max-pools: \"99999999999999999999999\" is no positive number",
        ),
        ("max-pools = 1.5", "r.toml:1:13: max-pools: this is a number with a point, and a number is wanted"),
        ("max-pools = [1]", "r.toml:1:13: max-pools: this is a list"),
        ("peers-only = \"yes\"", "r.toml:1:14: peers-only: \"yes\" is neither on nor off"),
        ("peers-only = 1979-05-27", "r.toml:1:14: peers-only: this is a date or time, and true or false is wanted"),
        ("peer = [\"192.0.2.1\", 7]", "r.toml:1:22: peer: this is a number, and text, or a list of texts is wanted"),
        ("peer = [\n  \"192.0.2.1\",\n  \"x y\"]", "r.toml:3:3: peer: \"x y\" is no ADDR:PORT"),
        ("peer = [[\"192.0.2.1\"]]", "r.toml:1:9: peer: this is a list"),
        ("asap = []", "r.toml:1:8: asap: the list is empty"),
        ("[registrar]\nlog = \"info\"", "r.toml:1:2: \"registrar\": there are no tables here"),
        ("log.level = \"info\"", "r.toml:1:1: \"log\": there are no tables here"),
        ("\u{e9} = 1", "r.toml:1:1: "),
        ("log = \"info\"\nlog = \"warn\"", "r.toml:2:1: \"log = \\\"warn\\\"\": duplicate key"),
        ("log = ", "r.toml:1:7: "),
        ("id = 0", "r.toml:1:6: id: 0 is nobody's identifier"),
        ("\"a\\u001b[31m\" = 1", "r.toml:1:1: there is no setting \"a\\u{1b}[31m\""),
    ] {
        let told_really = mistake(text);
        assert!(told_really.starts_with(told), "{text}\n{told_really}");
        assert_eq!(told_really.lines().count(), 1, "{told_really}");
        assert!(!told_really.contains('\u{1b}'));
    }
}

#[test]
fn all_mistakes_are_told_in_their_order_up_to_a_limit() {
    let told = mistake("z1 = 1\npeers-only = 1\nlogg = 1\n");
    let begins: Vec<_> = told.lines().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(begins, ["r.toml:1:1", "r.toml:2:14", "r.toml:3:1"]);
    let many: String = (0..1000).map(|number| format!("z{number} = 1\n")).collect();
    let told = mistake(&many);
    assert_eq!(told.lines().count(), MAX_TOLD + 1);
    assert!(told.ends_with("\nand 980 more"), "{told}");
}

#[test]
fn nonsense_is_told_in_bounded_time_and_room() {
    for text in ["[".repeat(200_000), "a = ".to_owned() + &"[".repeat(200_000), "a".repeat(500_000), "\0".repeat(1000)]
    {
        let told = mistake(&text);
        assert!(told.len() < 500, "{}", told.len());
    }
}

/// So it can be taken for a file.
#[test]
fn what_is_printed_has_the_same_effect_and_says_where_it_comes_from() {
    let file = "profile = \"fast\"\npeer = [\"192.0.2.1\", \"registrar.example.net\"]\nid = 7\nannounce = \"off\"\n\
                csp-server = \"127.0.0.1:9\"\nnat = true\n";
    let first = options_of(file, &[("max-pools", "6")]).unwrap();
    let shown = first.show();
    let again = options_of(&shown, &[]).unwrap_or_else(|mistakes| panic!("{mistakes}\n{shown}"));
    for setting in SETTINGS {
        assert_eq!((setting.values)(&again.options), (setting.values)(&first.options), "{}", setting.name);
    }
    let origin = |name: &str| {
        let line = shown.lines().find(|line| line.starts_with(&format!("{name} = "))).expect("a line");
        line.split_once(" # ").expect("an origin").1
    };
    assert_eq!([origin("peer"), origin("max-pools")], ["r.toml:2", "option"]);
    assert_eq!([origin("keep-alive-interval"), origin("max-items")], ["profile fast", "default"]);
    assert_eq!(options_of("", &[]).unwrap().show().matches("# default\n").count(), SETTINGS.len());
}

const SHIPPED: &str = include_str!("../../../../packaging/registrar.toml");

#[test]
fn the_file_of_the_package_shows_each_setting_with_its_default() {
    let defaults = Options::default();
    let untouched = options_of(SHIPPED, &[]).unwrap();
    assert!(untouched.choices.is_empty(), "it chooses nothing");
    let lines = SHIPPED.lines().filter_map(|line| line.strip_prefix('#'));
    let settings: Vec<&str> = lines.filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase())).collect();
    let uncommented = options_of(&settings.join("\n"), &[]).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    for setting in SETTINGS {
        assert_eq!((setting.values)(&uncommented.options), (setting.values)(&defaults), "{}", setting.name);
    }
    let named: BTreeSet<&str> = settings.iter().filter_map(|line| line.split(" = ").next()).collect();
    // The usual program has no TLS.
    assert_eq!(named, names().filter(|name| !name.starts_with("tls")).collect());
    assert_eq!(named.len(), settings.len());
}

/// The notes "(restart)" of that file say what the registrar really does.
#[test]
fn the_file_of_the_package_marks_what_needs_a_restart() {
    let marked: BTreeSet<&str> = restarts_of(SHIPPED);
    let values = [
        ("DURATION", "7s"),
        ("N", "77"),
        ("on|off", "on"),
        ("ADDR:PORT", "192.0.2.7:7"),
        ("NAME", "x.example"),
        ("auto|sctp|sctp-udp", "sctp-udp"),
        ("on|off|GROUP:PORT", "239.1.1.1:5"),
        ("ID", "7"),
        ("default|fast", "fast"),
        ("ADDR[:PORT]", "192.0.2.7:7"),
        ("LEVEL", "trace"),
        ("text|json", "json"),
        ("FILE", concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/access_policy/uri")),
    ];
    let before = Options::default();
    let special = |setting: &&Setting| ["profile", "log"].contains(&setting.name) || setting.name.starts_with("tls");
    for setting in SETTINGS.iter().filter(|setting| !special(setting)) {
        let value = values.iter().find(|(kind, _)| *kind == setting.value).expect(setting.value).1;
        let value = if (setting.values)(&before) == [value] { "off" } else { value };
        let mut wanted = before.clone();
        (setting.apply)(&mut wanted, value, Occurrence::First).expect(setting.name);
        assert_ne!((setting.values)(&wanted), (setting.values)(&before), "{}", setting.name);
        let registrar = before.registrar.changed_to(&wanted.registrar);
        let now = Options { registrar, http: before.http, ..wanted.clone() };
        let needs_restart = (setting.values)(&now) != (setting.values)(&wanted);
        assert_eq!(needs_restart, marked.contains(setting.name), "{}", setting.name);
    }
}

/// The settings below a heading or a comment that says so.
fn restarts_of(file: &str) -> BTreeSet<&str> {
    let (mut all_of_section, mut next) = (false, false);
    let mut found = BTreeSet::new();
    for line in file.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            all_of_section = heading.contains("(restart");
        } else if line.starts_with("# ") {
            next = line.contains("(restart)");
        } else if let Some((name, _)) = line.strip_prefix('#').and_then(|line| line.split_once(" = ")) {
            let interval = name == "announce-interval";
            found.extend((next || (all_of_section && !interval)).then_some(name));
            next = false;
        }
    }
    found
}
