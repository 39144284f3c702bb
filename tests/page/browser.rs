//! A browser without a screen: Chromium, over the pipes of its DevTools protocol.

use crate::support::program::PATIENCE;
use rserpool::driver::clock;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

/// Where it is found.
const NAMES: [&str; 2] = ["chromium", "chromium-browser"];

/// A running browser with one page.
pub struct Browser {
    process: Child,
    requests: ChildStdin,
    messages: Receiver<String>,
    profile: PathBuf,
    session: String,
    last_request: u64,
    /// What the page has complained of.
    pub complaints: Vec<String>,
}

/// None: there is no browser here.
pub fn program() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    let programs = std::env::split_paths(&folders).flat_map(|folder| NAMES.map(|name| folder.join(name)));
    programs.into_iter().find(|program| program.exists())
}

impl Browser {
    /// Starts it, with an empty page.
    pub fn start(program: &Path) -> Browser {
        let profile = std::env::temp_dir().join(format!("rserpool-page-{}", std::process::id()));
        // It reads requests from descriptor 3 and answers at 4.
        let script = "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1";
        let mut process = Command::new("sh")
            .args(["-c", script])
            .arg(program)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .args(["--hide-scrollbars", "--force-color-profile=srgb", "--remote-debugging-pipe"])
            .arg(format!("--user-data-dir={}", profile.display()))
            .arg("about:blank")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let mut answers = BufReader::new(process.stdout.take().expect("piped"));
        let requests = process.stdin.take().expect("piped");
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            loop {
                let mut message = Vec::new();
                let length = answers.read_until(0, &mut message).unwrap_or(0);
                message.pop();
                if length == 0 || sender.send(String::from_utf8_lossy(&message).into_owned()).is_err() {
                    return;
                }
            }
        });
        let (session, complaints) = (String::new(), Vec::new());
        let mut browser = Browser { process, requests, messages, profile, session, last_request: 0, complaints };
        let target = browser.call("Target.createTarget", r#"{"url":"about:blank"}"#);
        let target = string(&target, "targetId");
        let attached = browser.call("Target.attachToTarget", &format!(r#"{{"targetId":"{target}","flatten":true}}"#));
        browser.session = string(&attached, "sessionId");
        for what in ["Page.enable", "Runtime.enable", "Log.enable"] {
            browser.call(what, "{}");
        }
        browser
    }

    /// A call of the protocol: its answer, in JSON.
    pub fn call(&mut self, method: &str, parameters: &str) -> String {
        self.last_request += 1;
        let number = self.last_request;
        let session = match self.session.as_str() {
            "" => String::new(),
            session => format!(r#","sessionId":"{session}""#),
        };
        let request = format!("{{\"id\":{number},\"method\":\"{method}\",\"params\":{parameters}{session}}}\0");
        self.requests.write_all(request.as_bytes()).expect("the browser reads");
        let answer = format!("{{\"id\":{number},");
        loop {
            let message = self.messages.recv_timeout(PATIENCE);
            let message = message.unwrap_or_else(|error| panic!("no answer to {method}: {error}"));
            if message.starts_with(&answer) {
                assert!(!message.contains("\"error\":{"), "{method}: {message}");
                return message;
            }
            self.note(message);
        }
    }

    fn note(&mut self, message: String) {
        let thrown = message.contains("\"method\":\"Runtime.exceptionThrown\"");
        // A registrar that has gone away is no fault of the page's.
        let logged = message.contains("\"method\":\"Log.entryAdded\"") && !message.contains("\"source\":\"network\"");
        if thrown || logged {
            self.complaints.push(message);
        }
    }

    /// The value of an expression, as text; a promise is waited for.
    pub fn value(&mut self, expression: &str) -> String {
        let expression = quoted(&format!("(async () => String(await ({expression})))()"));
        let answer = self.call("Runtime.evaluate", &format!(r#"{{"expression":{expression},"awaitPromise":true}}"#));
        assert!(!answer.contains("\"exceptionDetails\""), "{answer}");
        string(&answer, "value")
    }

    /// What stands in the part of the page that this selector names.
    pub fn text(&mut self, selector: &str) -> String {
        self.value(&format!("document.querySelector({})?.innerText ?? ''", quoted(selector)))
    }

    /// Waits until an expression is true.
    pub fn until(&mut self, expression: &str) {
        let end = clock::now() + PATIENCE;
        while self.value(expression) != "true" {
            assert!(clock::now() < end, "not within {PATIENCE:?}: {expression}; the page shows: {}", self.text("body"));
            // The page draws when something has come, which is what is waited for.
            self.value("new Promise((done) => requestAnimationFrame(() => done('')))");
        }
    }

    /// Waits until a part of the page has a text.
    pub fn until_text(&mut self, selector: &str, text: &str) {
        self.until(&format!(
            "(document.querySelector({})?.innerText ?? '').includes({})",
            quoted(selector),
            quoted(text)
        ));
    }

    pub fn open(&mut self, registrar: SocketAddr) {
        self.call("Page.navigate", &format!(r#"{{"url":"http://{registrar}/"}}"#));
        self.until(&format!("location.host === '{registrar}' && document.readyState === 'complete'"));
    }

    /// Presses and lets go a key.
    pub fn press(&mut self, key: &str, text: &str) {
        for (event, text) in [("keyDown", text), ("keyUp", "")] {
            let (code, text) = (if key == "Enter" { 13 } else { 0 }, quoted(text));
            let event =
                format!(r#"{{"type":"{event}","key":{},"text":{text},"windowsVirtualKeyCode":{code}}}"#, quoted(key));
            self.call("Input.dispatchKeyEvent", &event);
        }
    }

    /// Types a text where the focus is.
    pub fn type_text(&mut self, text: &str) {
        self.call("Input.insertText", &format!(r#"{{"text":{}}}"#, quoted(text)));
    }

    /// Looks at the page through a window of this size.
    pub fn resize(&mut self, width: u32, height: u32) {
        let size = format!(r#"{{"width":{width},"height":{height},"deviceScaleFactor":1,"mobile":false}}"#);
        self.call("Emulation.setDeviceMetricsOverride", &size);
    }

    /// As who prefers "light" or "dark".
    pub fn prefer(&mut self, scheme: &str) {
        let feature = format!(r#"{{"features":[{{"name":"prefers-color-scheme","value":"{scheme}"}}]}}"#);
        self.call("Emulation.setEmulatedMedia", &feature);
    }

    /// What is to be seen, as a PNG file in the folder that the environment names; nothing without one.
    pub fn picture(&mut self, name: &str) {
        let Some(folder) = std::env::var_os("PAGE_PICTURES") else { return };
        let answer = self.call("Page.captureScreenshot", r#"{"format":"png","optimizeForSpeed":false}"#);
        let path = Path::new(&folder).join(name);
        std::fs::write(&path, from_base64(&string(&answer, "data"))).expect("a file can be written");
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Its children end when its end of the pipe does.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.profile);
    }
}

/// A text in quotes, as JSON and JavaScript have it.
pub fn quoted(text: &str) -> String {
    let mut quoted = "\"".to_owned();
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c < ' ' => write!(quoted, "\\u{:04x}", c as u32).expect("a String takes it"),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

/// The text that is the first member of this name.
fn string(json: &str, name: &str) -> String {
    let (_, rest) = json.split_once(&format!("\"{name}\":\"")).unwrap_or_else(|| panic!("no {name} in {json}"));
    let mut text = String::new();
    let mut units = Vec::new();
    let mut rest = rest.chars();
    while let Some(c) = rest.next().filter(|&c| c != '"') {
        if c != '\\' {
            text.push(c);
            continue;
        }
        match rest.next() {
            Some('n') => text.push('\n'),
            Some('t') => text.push('\t'),
            Some('u') => {
                let digits: String = rest.by_ref().take(4).collect();
                units.push(u16::from_str_radix(&digits, 16).expect("four digits"));
                if let Ok(whole) = String::from_utf16(&units) {
                    text.push_str(&whole);
                    units.clear();
                }
            }
            other => text.extend(other),
        }
    }
    text
}

fn from_base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let value = |byte| DIGITS.iter().position(|&digit| digit == byte);
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for digit in text.bytes().filter_map(value) {
        bits = bits << 6 | digit as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes
}
