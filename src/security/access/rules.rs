//! The rules of a file: a line each, `allow|deny WHO ACT... [pool=PATTERN]... [from=NETWORK]...`.

use super::matching::{Network, Pattern};
use super::words::{BadText, BadWord, Word, words};
use super::{ACTS, Act, Identity, Wish};

/// Rules of a file.
const MAX_RULES: usize = 4_096;
/// Words of a rule.
const MAX_WORDS: usize = 256;

/// Rules in the order of their lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessPolicy {
    name: String,
    rules: Vec<Rule>,
}

/// What becomes of a wish, and the line that says so; none: no line fits, which denies it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It may be.
    Allowed {
        /// Counted from 1.
        line: usize,
    },
    /// It may not.
    Denied {
        /// Counted from 1.
        line: Option<usize>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    line: usize,
    verdict: Verdict,
    who: Who,
    acts: Vec<Act>,
    /// None: any pool.
    pools: Vec<Pattern>,
    /// None: from anywhere.
    from: Vec<Network>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Allow,
    Deny,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Who {
    Anyone,
    Plain,
    /// Whoever is under TLS.
    Tls,
    Uri(Pattern),
    Dns(Pattern),
    Key(Pattern),
}

impl AccessPolicy {
    /// Reads the text of a file.
    pub fn parse(text: &str) -> Result<AccessPolicy, BadText> {
        let mut rules = Vec::new();
        for (line, content) in (1..).zip(text.lines()) {
            let bad = |BadWord { column, what }| BadText { line, column, what };
            let words = words(content);
            let Some(first) = words.first() else { continue };
            if rules.len() == MAX_RULES {
                return Err(bad(first.bad(format!("more than {MAX_RULES} rules"))));
            }
            rules.push(rule(line, &words).map_err(bad)?);
        }
        Ok(AccessPolicy { name: String::new(), rules })
    }

    /// The same rules under the name of the file that they are from.
    pub fn named(self, name: &str) -> AccessPolicy {
        AccessPolicy { name: name.to_owned(), ..self }
    }

    /// The name of that file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many rules there are.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there is none, which denies everything.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The first rule that fits decides.
    pub fn decide(&self, wish: &Wish<'_>) -> Decision {
        match self.rules.iter().find(|rule| rule.fits(wish)) {
            Some(Rule { line, verdict: Verdict::Allow, .. }) => Decision::Allowed { line: *line },
            Some(rule) => Decision::Denied { line: Some(rule.line) },
            None => Decision::Denied { line: None },
        }
    }
}

impl Rule {
    fn fits(&self, wish: &Wish<'_>) -> bool {
        self.acts.contains(&wish.act)
            && self.who.is(wish.who)
            && (self.pools.is_empty()
                || wish.pool.is_some_and(|handle| self.pools.iter().any(|pattern| pattern.fits(handle))))
            && (self.from.is_empty()
                || wish.from.is_some_and(|address| self.from.iter().any(|network| network.contains(address))))
    }
}

impl Who {
    fn is(&self, identity: &Identity) -> bool {
        match (self, identity) {
            (Who::Anyone, _) | (Who::Plain, Identity::Plain) => true,
            (Who::Tls, identity) => *identity != Identity::Plain,
            (Who::Uri(pattern), Identity::Uri(name)) | (Who::Key(pattern), Identity::Key(name)) => {
                pattern.fits(name.as_bytes())
            }
            (Who::Dns(pattern), Identity::Dns(name)) => pattern.fits(name.to_ascii_lowercase().as_bytes()),
            _ => false,
        }
    }
}

fn rule(line: usize, words: &[Word<'_>]) -> Result<Rule, BadWord> {
    let Some((first, rest)) = words.split_first() else { return Err(BadWord { column: 1, what: "no rule".into() }) };
    let verdict = match first.text {
        "allow" => Verdict::Allow,
        "deny" => Verdict::Deny,
        _ => return Err(first.bad(format!("a rule begins with allow or deny, not with {}", first.shown()))),
    };
    let Some((second, rest)) = rest.split_first() else {
        return Err(first.bad("who? anyone, plain, tls, uri=PATTERN, dns=PATTERN or psk=PATTERN is missing"));
    };
    if let Some(word) = rest.get(MAX_WORDS) {
        return Err(word.bad(format!("more than {MAX_WORDS} words")));
    }
    let mut rule = Rule { line, verdict, who: who(second)?, acts: Vec::new(), pools: Vec::new(), from: Vec::new() };
    for word in rest {
        add(&mut rule, word)?;
    }
    if rule.acts.is_empty() {
        let acts = ACTS.map(|(word, _)| word).join(", ");
        return Err(second.bad(format!("what? Behind {} at least one of these is missing: {acts}", second.shown())));
    }
    if let Some(word) = rest.iter().find(|word| word.text == "list").filter(|_| !rule.pools.is_empty()) {
        return Err(word.bad("a list shows all pools, so pool= makes no sense with it"));
    }
    Ok(rule)
}

fn who(word: &Word<'_>) -> Result<Who, BadWord> {
    let pattern = |text: &str| {
        if text.is_empty() { Err(word.bad("the name is missing")) } else { Ok(Pattern::new(text)) }
    };
    Ok(match word.text.split_once('=') {
        None if word.text == "anyone" => Who::Anyone,
        None if word.text == "plain" => Who::Plain,
        None if word.text == "tls" => Who::Tls,
        Some(("uri", text)) => Who::Uri(pattern(text)?),
        Some(("dns", text)) => Who::Dns(pattern(&text.to_ascii_lowercase())?),
        Some(("psk", text)) => Who::Key(pattern(text)?),
        _ => {
            let what =
                format!("{} is nobody: anyone, plain, tls, uri=PATTERN, dns=PATTERN or psk=PATTERN", word.shown());
            return Err(word.bad(what));
        }
    })
}

/// A word behind the first two.
fn add(rule: &mut Rule, word: &Word<'_>) -> Result<(), BadWord> {
    if let Some((_, act)) = ACTS.iter().find(|(name, _)| *name == word.text) {
        if rule.acts.contains(act) {
            return Err(word.bad(format!("{act} is there twice")));
        }
        rule.acts.push(*act);
        return Ok(());
    }
    match word.text.split_once('=') {
        Some(("pool", "")) => Err(word.bad("the pool is missing")),
        Some(("pool", text)) => {
            rule.pools.push(Pattern::new(text));
            Ok(())
        }
        Some(("from", text)) => {
            rule.from.push(Network::parse(text).map_err(|what| word.bad(what))?);
            Ok(())
        }
        _ => Err(word.bad(format!("{} is neither an act nor pool=PATTERN nor from=ADDRESS/BITS", word.shown()))),
    }
}
