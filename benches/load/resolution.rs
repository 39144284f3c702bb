//! Resolutions a second over TCP, beside a TCP echo with messages of the same lengths and the same client, and beside a name server.

use crate::child::{Process, Registrar};
use crate::fleet::{Fleet, Serving, pool_handle};
use crate::knot::Knot;
use crate::scale::Scale;
use crate::table::{median, row};
use rserpool::PoolHandle;
use rserpool::driver::clock;
use rserpool::message::AsapMessage;
use rserpool::message::asap::HandleResolution;
use rserpool::wire::PoolElement;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Elements asked for.
pub const ITEMS: u32 = 3;

/// A pool user on TCP that does nothing but ask.
pub struct Resolver(TcpStream);

impl Resolver {
    /// Connects.
    pub fn connect(to: SocketAddr) -> Resolver {
        let stream = TcpStream::connect(to).expect("a connection");
        stream.set_nodelay(true).expect("an option of TCP");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("an option of sockets");
        Resolver(stream)
    }

    /// The elements of a pool.
    pub fn resolve(&mut self, handle: &PoolHandle, items: u32) -> Vec<PoolElement> {
        self.try_resolve(handle, items).expect("the registrar answers")
    }

    /// The same; an error when the registrar hangs up.
    pub fn try_resolve(&mut self, handle: &PoolHandle, items: u32) -> io::Result<Vec<PoolElement>> {
        self.0.write_all(&question(handle, items))?;
        match AsapMessage::decode(&self.receive()?).expect("an ASAP message").message {
            AsapMessage::HandleResolutionResponse(response) => Ok(response.pool_elements),
            other => panic!("unexpected: {other:?}"),
        }
    }

    /// Asks whoever answers with so many bytes.
    pub fn exchange(&mut self, question: &[u8], answer: &mut [u8]) {
        self.0.write_all(question).expect("the server reads");
        self.0.read_exact(answer).expect("the server answers");
    }

    /// Bytes of the answer to this question.
    pub fn length_of_answer(&mut self, question: &[u8]) -> usize {
        self.0.write_all(question).expect("the registrar reads");
        self.receive().expect("the registrar answers").len()
    }

    fn receive(&mut self) -> io::Result<Vec<u8>> {
        let mut message = vec![0; 4];
        self.0.read_exact(&mut message)?;
        let length = usize::from(u16::from_be_bytes([message[2], message[3]]));
        message.resize(length.next_multiple_of(4), 0);
        self.0.read_exact(&mut message[4..])?;
        Ok(message)
    }

    /// Questions a second with `window` of them under way, for `time`. All answers have `answer` bytes.
    pub fn rate(&mut self, question: &[u8], answer: usize, window: usize, time: Duration) -> f64 {
        let questions = question.repeat(window);
        let mut answers = vec![0; answer * window];
        let begin = clock::now();
        let mut rounds = 0;
        loop {
            self.0.write_all(&questions).expect("the server reads");
            self.0.read_exact(&mut answers).expect("the server answers");
            rounds += window;
            let passed = clock::now().saturating_since(begin);
            if passed >= time {
                return rounds as f64 / passed.as_secs_f64();
            }
        }
    }
}

/// The message that asks for so many elements of a pool.
pub fn question(handle: &PoolHandle, items: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    AsapMessage::HandleResolution(HandleResolution {
        subscribe: false,
        pool_handle: handle.clone(),
        items: Some(items),
    })
    .encode(&mut bytes)
    .expect("a short message");
    bytes
}

/// A registrar with a pool, somebody who asks it, the question, and the length of the answer. The fleet serves as long as its
/// guard lives.
fn with_pool() -> (Registrar, Serving, Resolver, Vec<u8>, usize) {
    let registrar = Registrar::start(&["--keep-alive-interval", "1h"]);
    let mut fleet = Fleet::new(registrar.asap, 1, ITEMS as usize, 1);
    assert!(fleet.run(Duration::from_secs(20), |counts| counts.registered == ITEMS as usize), "{:?}", fleet.counts);
    let serving = fleet.serve();

    let mut resolver = Resolver::connect(registrar.asap);
    let question = question(&pool_handle(0), ITEMS);
    let answer = resolver.length_of_answer(&question);
    (registrar, serving, resolver, question, answer)
}

/// The registrar's answers over TCP beside a name server's over UDP, each as its clients ask.
pub fn run_beside_knot(scale: Scale) {
    println!("\nresolution over TCP beside SRV records of knot over UDP, {ITEMS} elements or targets");
    let Some(mut knot) = Knot::start(ITEMS as usize) else {
        return println!("  SKIPPED: knotd is not installed (Debian: knot)");
    };
    let (_registrar, _serving, mut resolver, question, answer) = with_pool();
    println!("  {} bytes to ask, {answer} to answer; knot {} and {}", question.len(), knot.question(), knot.answer);
    for window in [1, 32] {
        let (mut resolutions, mut names) = (Vec::new(), Vec::new());
        for _ in 0..scale.repetitions {
            resolutions.push(resolver.rate(&question, answer, window, scale.measure));
            names.push(knot.rate(window, scale.measure));
        }
        let (resolutions, names) = (median(resolutions), median(names));
        row(&format!("resolutions a second, {window} at a time"), &format!("{resolutions:.0}"));
        row(&format!("knot's answers a second, {window} at a time"), &format!("{names:.0}"));
        row("ratio", &format!("{:.2}", resolutions / names));
    }
}

pub fn run(scale: Scale) {
    let (_registrar, _serving, mut resolver, question, answer) = with_pool();
    let lengths = [question.len().to_string(), answer.to_string()];
    println!("\nresolution over TCP, {} bytes to ask, {answer} to answer, {ITEMS} elements", question.len());
    let echo = Process::server("tcp-echo", &lengths);
    let mut echoed = Resolver::connect(echo.greeting.parse().expect("an address"));

    for window in [1, 32] {
        let (mut resolutions, mut echoes) = (Vec::new(), Vec::new());
        for _ in 0..scale.repetitions {
            // Interleaved, so that whatever else the machine does meets both.
            resolutions.push(resolver.rate(&question, answer, window, scale.measure));
            echoes.push(echoed.rate(&question, answer, window, scale.measure));
        }
        let (resolutions, echoes) = (median(resolutions), median(echoes));
        row(&format!("resolutions a second, {window} at a time"), &format!("{resolutions:.0}"));
        row(&format!("TCP echoes a second, {window} at a time"), &format!("{echoes:.0}"));
        row("ratio", &format!("{:.2}", resolutions / echoes));
    }
}
