use super::*;

const RULES: &str = "\
# users of the scope
allow uri=rserpool://a/user/* resolve subscribe report pool=Echo* pool=Time
deny  uri=rserpool://a/user/guest* resolve
allow psk=monitor list from=10.0.0.0/8 from=fd00::/8

allow dns=*.Example.net resolve   # whatever the pool
deny  plain resolve pool=Secret
allow plain resolve register
allow anyone report from=192.0.2.1
";

fn decide(question: &str) -> Decision {
    let question = Question::parse(question).unwrap_or_else(|error| panic!("{question}: {error}"));
    AccessPolicy::parse(RULES).expect("rules").decide(&question.wish())
}

#[test]
fn the_first_rule_that_fits_decides_and_what_none_fits_is_denied() {
    let (allowed, denied) = (|line| Decision::Allowed { line }, |line| Decision::Denied { line });
    for (question, decision) in [
        ("uri=rserpool://a/user/u1 resolve pool=EchoPool", allowed(2)),
        ("uri=rserpool://a/user/u1 subscribe pool=Time", allowed(2)),
        ("uri=rserpool://a/user/u1 resolve pool=Timer", denied(None)),
        ("uri=rserpool://a/user/guest7 resolve pool=Echo", allowed(2)),
        ("uri=rserpool://a/user/guest7 resolve pool=Other", denied(Some(3))),
        ("uri=rserpool://a/element/u1 resolve pool=Echo", denied(None)),
        ("uri=RSERPOOL://a/user/u1 resolve pool=Echo", denied(None)),
        ("psk=monitor list from=10.1.2.3", allowed(4)),
        ("psk=monitor list from=fd12::1", allowed(4)),
        ("psk=monitor list from=11.0.0.1", denied(None)),
        ("psk=monitor list", denied(None)),
        ("uri=monitor list from=10.1.2.3", denied(None)),
        ("dns=R1.example.NET resolve pool=x", allowed(6)),
        ("dns=example.net resolve pool=x", denied(None)),
        ("plain resolve pool=Secret", denied(Some(7))),
        ("plain resolve pool=secret", allowed(8)),
        ("plain register pool=Secret", allowed(8)),
        ("plain report pool=x from=::ffff:192.0.2.1", allowed(9)),
        ("tls report pool=x from=192.0.2.1", allowed(9)),
        ("tls resolve pool=x", denied(None)),
    ] {
        assert_eq!(decide(question), decision, "{question}");
    }
    let empty = AccessPolicy::parse("# nothing\n").expect("no rule");
    assert!(empty.is_empty());
    let question = Question::parse("plain resolve pool=x").expect("a question");
    assert_eq!(empty.decide(&question.wish()), Decision::Denied { line: None });
}

#[test]
fn whoever_is_under_tls_is_what_tls_means() {
    let rules = AccessPolicy::parse("allow tls resolve").expect("rules");
    for (who, allowed) in [
        (Identity::Plain, false),
        (Identity::Nameless, true),
        (Identity::Uri("x".into()), true),
        (Identity::Dns("x".into()), true),
        (Identity::Key("x".into()), true),
    ] {
        let wish = Wish { who: &who, from: None, act: Act::Resolve, pool: Some(b"x") };
        assert_eq!(matches!(rules.decide(&wish), Decision::Allowed { .. }), allowed, "{who}");
    }
}

#[test]
fn a_star_stands_for_any_letters_and_nothing_else_does() {
    for (pattern, name, fits) in [
        ("abc", "abc", true),
        ("abc", "abcd", false),
        ("abc", "ab", false),
        ("*", "", true),
        ("a*c", "ac", true),
        ("a*c", "abcbc", true),
        ("a*c", "abcb", false),
        ("*b*", "abc", true),
        ("*b*d", "abcbcd", true),
        ("a?c", "abc", false),
        ("a.c", "abc", false),
        ("**", "x", true),
        ("", "x", false),
    ] {
        assert_eq!(Pattern::new(pattern).fits(name.as_bytes()), fits, "{pattern} {name}");
    }
    // Would take an age by trying all ways.
    assert!(!Pattern::new(&"a*".repeat(200)).fits(&[b'a'; 150]));
    assert!(Pattern::new("\u{fc}*").fits("\u{fc}ber".as_bytes()));
    assert!(!Pattern::new("x*").fits(b"\xff\x00"));
}

#[test]
fn networks_have_all_their_lengths() {
    let contains = |network: &str, address: &str| {
        Network::parse(network).expect(network).contains(address.parse().expect("an address"))
    };
    assert!(contains("0.0.0.0/0", "255.255.255.255") && !contains("0.0.0.0/0", "::1"));
    assert!(contains("::/0", "ff02::1") && !contains("::/0", "10.0.0.1"));
    assert!(contains("10.0.0.4/30", "10.0.0.7") && !contains("10.0.0.4/30", "10.0.0.8"));
    assert!(contains("10.0.0.4", "10.0.0.4") && !contains("10.0.0.4", "10.0.0.5"));
    assert!(contains("2001:db8::/33", "2001:db8:7fff::1") && !contains("2001:db8::/33", "2001:db8:8000::"));
    assert!(contains("::1/128", "::1") && !contains("::1/128", "::2"));
}

#[test]
fn what_is_wrong_has_its_line_and_column() {
    for (rules, why) in [
        ("permit plain resolve", "line 1, column 1: a rule begins with allow or deny, not with \"permit\""),
        ("\n  allow", "line 2, column 3: who?"),
        ("allow plain", "line 1, column 7: what?"),
        ("allow plain pool=x", "line 1, column 7: what?"),
        ("allow resolve plain", "line 1, column 7: \"resolve\" is nobody"),
        ("allow uri= resolve", "line 1, column 7: the name is missing"),
        ("allow \u{fc}=\u{fc} resolve", "line 1, column 7: \"\u{fc}=\u{fc}\" is nobody"),
        ("allow uri=\u{fc} fly", "line 1, column 13: \"fly\" is neither an act nor"),
        ("allow plain resolve # x\nallow plain resolve resolve", "line 2, column 21: resolve is there twice"),
        ("allow plain resolve pool=", "line 1, column 21: the pool is missing"),
        ("allow plain list pool=x", "line 1, column 13: a list shows all pools"),
        ("allow plain resolve from=x", "line 1, column 21: \"x\" is no address"),
        ("allow plain resolve from=10.0.0.0/33", "line 1, column 21: the length of a network is 0 to 32 bits"),
        ("allow plain resolve from=::1/x", "line 1, column 21: the length of a network is 0 to 128 bits"),
        ("allow plain resolve from=10.0.0.1/8", "line 1, column 21: 10.0.0.1 has bits beyond the 8"),
        ("allow plain resolve \x1b[2J", "line 1, column 21: \"\\u{1b}[2J\" is neither"),
    ] {
        let error = AccessPolicy::parse(rules).expect_err(rules).to_string();
        assert!(error.starts_with(why), "{error}, not {why}");
    }
    let many = "deny anyone list\n".repeat(4_097);
    assert!(
        AccessPolicy::parse(&many).expect_err("too many").to_string().starts_with("line 4097, column 1: more than")
    );
    let long = format!("deny anyone resolve{}", " pool=x".repeat(300));
    assert!(AccessPolicy::parse(&long).expect_err("too long").to_string().contains("more than 256 words"));
    for (question, why) in [
        ("", "line 1, column 1: who wants what?"),
        ("plain", "line 1, column 1: who wants what?"),
        ("anyone resolve pool=x", "line 1, column 1: \"anyone\" is nobody"),
        ("plain fly pool=x", "line 1, column 7: \"fly\" is no act"),
        ("plain resolve", "line 1, column 7: resolve is about a pool"),
        ("plain list pool=x", "line 1, column 7: a list shows all pools"),
        ("plain resolve pool=x pool=y", "line 1, column 22: \"pool=y\" is neither"),
        ("plain resolve pool=x from=10.0.0.0/8", "line 1, column 22: \"10.0.0.0/8\" is no address"),
    ] {
        let error = Question::parse(question).expect_err(question).to_string();
        assert!(error.starts_with(why), "{error}, not {why}");
    }
}
