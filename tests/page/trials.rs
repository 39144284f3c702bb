//! What an operator sees when an element and a registrar are killed.

use crate::browser::{Browser, program, quoted};
use crate::elements::{Elements, Host};
use crate::support::program::{Element, PATIENCE, RegistrarProcess, Seen};
use rserpool::wire::PolicyType;
use std::net::SocketAddr;
use std::sync::mpsc::channel;

/// A name that is markup, has what ends strings, control signs, signs that turn the direction of text, and no valid UTF-8. The rest of
/// 255 bytes is zeros.
const HOSTILE: &[u8] = b"<img src=x onerror=document.title='taken'>\"&\0\x1b[31m\xe2\x80\xae\xff\xc3";
/// The same as everything here writes it.
const HOSTILE_NAME: &str = "<img%20src=x%20onerror=document.title='taken'>\"&%00%1B[31m%E2%80%AE%FF%C3";

/// Boxes of text that lie over each other, or beyond the right edge.
const MISPLACED: &str = "(() => {
  const leaves = [...document.querySelectorAll('body *')].filter((node) =>
    node.children.length === 0 && node.textContent.trim() && node.checkVisibility() && !node.closest('svg, .skip'));
  const clips = new Map();
  const clip = (node) => {
    if (!node) return { top: -Infinity, bottom: Infinity };
    if (!clips.has(node)) {
      const [outer, box] = [clip(node.parentElement), node.getBoundingClientRect()];
      const hides = node !== document.body && getComputedStyle(node).overflowY !== 'visible';
      clips.set(node, hides ? { top: Math.max(outer.top, box.top), bottom: Math.min(outer.bottom, box.bottom) } : outer);
    }
    return clips.get(node);
  };
  const boxes = leaves.flatMap((node) => {
    const range = document.createRange();
    range.selectNodeContents(node);
    const { top, bottom } = clip(node);
    return [...range.getClientRects()].filter((box) => box.bottom <= bottom + 1 && box.top >= top - 1).map((box) => ({ node, box }));
  });
  const found = boxes.filter(({ box }) => box.right > innerWidth + 1).map(({ node }) => 'beyond the edge: ' + node.textContent);
  for (const [at, { node, box }] of boxes.entries()) {
    for (const other of boxes.slice(at + 1)) {
      const wide = Math.min(box.right, other.box.right) - Math.max(box.left, other.box.left);
      const high = Math.min(box.bottom, other.box.bottom) - Math.max(box.top, other.box.top);
      if (node !== other.node && wide > 2 && high > 4) found.push(node.textContent + ' over ' + other.node.textContent);
    }
  }
  if (document.documentElement.scrollWidth > innerWidth) found.push('wider than the window');
  return found.slice(0, 5).join('; ');
})()";

/// Registrars of one scope, each knowing those before it.
fn scope(count: usize) -> Vec<RegistrarProcess> {
    let mut registrars: Vec<RegistrarProcess> = Vec::new();
    for _ in 0..count {
        let peers: Vec<String> = registrars.iter().map(|registrar| format!("--peer={}", registrar.enrp)).collect();
        let mut options = vec!["--http", "127.0.0.1:0", "--profile", "fast", "--log", "warn"];
        // Longer names than rsplib's registrars bear.
        options.extend(["--max-handle-length", "255", "--rsplib-compatibility", "off"]);
        options.extend(peers.iter().map(String::as_str));
        registrars.push(RegistrarProcess::start(&options));
    }
    registrars
}

fn elements(pool: &[u8], policy: PolicyType, load: u32, count: usize) -> Elements<'_> {
    Elements { pool, policy, load, count }
}

/// An element in a thread of its own, until the registrar ends.
fn live_with_a_hostile_name(registrar: SocketAddr) {
    let (tell, told) = channel();
    std::thread::spawn(move || {
        let mut handle = HOSTILE.to_vec();
        handle.resize(255, 0);
        let mut element = Element::register(registrar, handle, 0xbad);
        let _ = tell.send(()); // the test may be over
        // Its keep-alives come for as long as the test takes.
        while element.lost.is_none() {
            element.until("a message", |seen| matches!(seen, Seen::Message(_) | Seen::Lost));
        }
    });
    told.recv_timeout(PATIENCE).expect("it registers");
}

fn nothing_is_misplaced(browser: &mut Browser, what: &str) {
    for (width, height) in [(1280, 1000), (400, 900)] {
        browser.resize(width, height);
        let misplaced = browser.value(MISPLACED);
        assert_eq!(misplaced, "", "{what}, {width} wide");
    }
    browser.resize(1280, 1000);
}

#[test]
#[ignore = "needs a browser: scripts/page-trials"]
fn an_element_and_a_registrar_are_killed_and_the_page_shows_it() {
    let program = program().expect("scripts/page-trials looks for it first");
    let mut registrars = scope(3);
    let asap: Vec<SocketAddr> = registrars.iter().map(|registrar| registrar.asap).collect();
    let (round_robin, least_used) = (PolicyType::ROUND_ROBIN, PolicyType::LEAST_USED);
    let victim = Host::start(&asap, &[elements(b"call-control", round_robin, 0, 1)]);
    let _others = [
        Host::start(&asap[1..], &[elements(b"call-control", round_robin, 0, 1), elements(b"media", least_used, 12, 3)]),
        Host::start(&asap[2..], &[elements(b"call-control", round_robin, 0, 1)]),
        Host::start(&asap, &[elements(b"transcoding", PolicyType::WEIGHTED_ROUND_ROBIN, 0, 60)]),
    ];
    let mut browser = Browser::start(&program);
    browser.resize(1280, 1000);
    browser.prefer("light");
    let home = home_of(&mut browser, &registrars, &victim.first);
    let watched = registrars.swap_remove(home);
    browser.open(http(&watched));

    all_is_well(&mut browser);
    live_with_a_hostile_name(watched.asap);
    names_of_others_are_text(&mut browser);
    the_keyboard_is_enough(&mut browser);

    let id = victim.first.clone();
    victim.kill();
    an_element_is_lost(&mut browser, &id);

    drop(registrars.pop());
    a_registrar_is_gone(&mut browser);

    drop(watched);
    browser.until_text("#problems", "No news from this registrar for ");
    browser.until_text("#live", "not live");
    assert_eq!(browser.complaints, Vec::<String>::new());
}

fn http(registrar: &RegistrarProcess) -> SocketAddr {
    registrar.http.expect("it was asked for")
}

/// Which registrar is the home of an element: it alone knows why one is lost. Elements follow their registrars' advice, so that it need not
/// be the first one.
fn home_of(browser: &mut Browser, registrars: &[RegistrarProcess], element: &str) -> usize {
    browser.open(http(&registrars[0]));
    browser.until_text("#verdict-word", "All is well: 3 registrars know 66 elements in 3 pools");
    browser.until_text("#scope-agrees", "3 agree");
    let asked = format!("/api/v1/elements?pool=call-control&element={element}");
    let home = browser.value(&format!(
        "fetch('{asked}').then((answer) => answer.json()).then((found) => found.elements[0].element.home_registrar)"
    ));
    let is_home = |registrar: &RegistrarProcess| {
        browser.open(http(registrar));
        let id = "fetch('/api/v1/registrar').then((answer) => answer.json()).then((found) => Number(found.id))";
        browser.value(id) == home
    };
    registrars.iter().position(is_home).expect("it is one of them")
}

fn all_is_well(browser: &mut Browser) {
    browser.until_text("#verdict-word", "All is well: 3 registrars know 66 elements in 3 pools");
    browser.until_text("#scope-agrees", "3 agree");
    browser.until("document.querySelectorAll('#elements-rows tr').length === 50");
    assert_eq!(browser.value("document.querySelectorAll('#registrars td.state.good').length"), "5");
    browser.until_text("#elements-pages", "1 to 50 of 66");
    browser.picture("page.png");
    nothing_is_misplaced(browser, "all is well");
}

fn names_of_others_are_text(browser: &mut Browser) {
    browser.until_text("#pools-rows", HOSTILE_NAME);
    browser.value(
        "[...document.querySelectorAll('#pools-rows a')].find((link) => link.innerText.includes('onerror')).click()",
    );
    browser.until_text("#elements-count", HOSTILE_NAME);
    browser.until("document.querySelectorAll('#elements-rows tr').length === 1");
    browser.value("document.querySelector('#elements-rows a').click()");
    browser.until_text("#one-title", HOSTILE_NAME);
    browser.until_text("#one-events", "registered");
    assert_eq!(browser.value("document.querySelectorAll('main img').length"), "0");
    assert!(browser.value("document.title").starts_with("Registrar 0x"));
    nothing_is_misplaced(browser, "the page of an element with a long name");
    browser.value("document.querySelector('header a').click()");
    browser.until(
        "!document.querySelector('#elements').hidden && document.querySelectorAll('#elements-rows tr').length === 50",
    );
}

fn the_keyboard_is_enough(browser: &mut Browser) {
    browser.press("/", "/");
    browser.type_text("medi");
    browser.until("document.querySelectorAll('#elements-rows tr').length === 3");
    browser.until("document.querySelectorAll('#pools-rows tr').length === 1");
    let loads = browser
        .value("[...document.querySelectorAll('#elements-rows td:nth-child(6)')].map((cell) => cell.innerText).sort()");
    assert_eq!(loads, "12.0 %,19.0 %,26.0 %");
    browser.value("document.querySelector('#search').select()");
    browser.type_text("nothing has this");
    browser.until_text("#elements-none", "No element has this in it.");
    browser.value("document.querySelector('#search').value = '', document.querySelector('#filter').requestSubmit()");
    browser.until_text("#elements-pages", "1 to 50 of 67");
    browser.value("document.querySelector('#elements-pages button:last-of-type').focus()");
    browser.press("Enter", "\r");
    browser.until_text("#elements-pages", "51 to 67 of 67");
    browser.until("document.querySelectorAll('#elements-rows tr').length === 17");
    browser.value("document.querySelector('#elements-pages button').focus()");
    browser.press("Enter", "\r");
    browser.until_text("#elements-pages", "1 to 50 of 67");
}

fn an_element_is_lost(browser: &mut Browser, id: &str) {
    browser.until_text("#verdict-word", "Worth a look: 3 registrars know 66 elements");
    browser.until_text("#problems", &format!("{id} of call-control"));
    browser.until_text("#events", id);
    browser.value("document.querySelector('#problems a').click()");
    browser.until_text("#one-facts", "not registered");
    browser.until("document.querySelectorAll('#one-events li').length >= 2");
    let history = browser.text("#one-events");
    let words = ["removed", "its association with ", "registered"];
    let places: Vec<Option<usize>> = words.iter().map(|word| history.find(word)).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "the last one comes first: {history}");
    browser.picture("element.png");
    nothing_is_misplaced(browser, "the page of an element");
    browser.value("document.querySelector('header a').click()");
}

fn a_registrar_is_gone(browser: &mut Browser) {
    browser.until_text("#verdict-word", "Something is wrong: 2 registrars know 66 elements");
    // It is taken over, or only missed where it was home of no element.
    browser.until_text("#registrars tr.gone", "gone");
    browser.until_text("#scope-agrees", "2 agree");
    browser.until_text("#events", "peer lost");
    nothing_is_misplaced(browser, "a registrar is gone");
    browser.prefer("dark");
    browser.picture("registrar-gone.png");
    browser.resize(400, 900);
    browser.picture("narrow.png");
    browser.resize(1280, 1000);
    let dark = browser.value("getComputedStyle(document.body).backgroundColor");
    browser.prefer("light");
    assert_ne!(browser.value("getComputedStyle(document.body).backgroundColor"), dark);
    assert!(browser.value(&format!("document.title.includes({})", quoted("(!!)"))) == "true");
}
