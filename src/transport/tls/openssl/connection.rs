//! One connection: OpenSSL between two buffers.

use super::super::counterpart::Counterpart;
use super::super::engine::{Engine, Handshake, Reading, TlsFault};
use super::super::records::Records;
use super::context::{KeyOf, wrong_name};
use super::fault;
use super::names::names_of;
use crate::security::access::Identity;
use openssl::ex_data::Index;
use openssl::ssl::{Error, ErrorCode, Ssl, SslStream, SslVerifyMode};
use openssl::x509::X509VerifyResult;
use parking_lot::Mutex;
use std::io::{self, Read, Write};
use std::sync::Arc;

/// Bytes of plaintext taken out at a time: what a record holds.
const READ_AT_A_TIME: usize = 16 << 10;

pub(super) struct Connection {
    stream: SslStream<Pipe>,
    records: Records,
    /// Under which OpenSSL keeps the identity that goes with a pre-shared key.
    identity: Index<Ssl, KeyOf>,
    /// Who has to be there.
    wanted: Counterpart,
    /// What is wrong with the names of the peer's certificate.
    wrong_name: Arc<Mutex<Option<String>>>,
    buffer: Vec<u8>,
}

/// The bytes of the other side of OpenSSL.
#[derive(Default)]
struct Pipe {
    from_peer: Vec<u8>,
    /// How many of these were taken.
    taken: usize,
    to_peer: Vec<u8>,
}

impl Connection {
    /// A connection with `wanted`, whose certificate is verified by `mode`; nothing else is let in, unless that has a pre-shared key.
    pub(super) fn new(
        mut ssl: Ssl,
        identity: Index<Ssl, KeyOf>,
        wanted: Counterpart,
        mode: SslVerifyMode,
    ) -> Result<Connection, TlsFault> {
        let wrong: Arc<Mutex<Option<String>>> = Arc::default();
        let (told, role) = (Arc::clone(&wrong), wanted.role_of_key());
        let expected = wanted.clone();
        ssl.set_verify_callback(mode, move |good, chain| {
            if !good || chain.error_depth() > 0 {
                return good;
            }
            let names = chain.current_cert().map(names_of).unwrap_or_default();
            let Err(fault) = expected.check(&names) else { return true };
            *told.lock() = Some(fault.to_string());
            chain.set_error(wrong_name());
            false
        });
        ssl.set_ex_data(identity, KeyOf { role, shown: None });
        let stream = SslStream::new(ssl, Pipe::default()).map_err(|errors| fault("no connection", &errors))?;
        Ok(Connection { stream, records: Records::default(), identity, wanted, wrong_name: wrong, buffer: Vec::new() })
    }

    /// Once more, after the handshake: nobody gets this far who has not proved to be the one that is wanted.
    fn check_counterpart(&self) -> Result<(), TlsFault> {
        let ssl = self.stream.ssl();
        let proved = match (ssl.peer_certificate(), self.key_identity()) {
            (Some(certificate), _) => return self.wanted.check(&names_of(&certificate)).map_err(refused),
            (None, Some(identity)) => self.wanted.role_of_key().is_none_or(|role| role.is_of(identity)),
            (None, None) => self.wanted.may_be_nobody(),
        };
        if proved { Ok(()) } else { Err(TlsFault("it has shown no certificate, and no pre-shared key".to_owned())) }
    }

    fn give(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.stream.get_mut().to_peer);
    }

    /// The identity whose pre-shared key the connection is made with. One that was only shown, and not used after all, proves nothing; as
    /// no session is resumed, one that counts as resumed is by such a key (TLS 1.3).
    fn key_identity(&self) -> Option<&String> {
        let ssl = self.stream.ssl();
        let by_suite = ssl.current_cipher().is_some_and(|suite| suite.name().contains("PSK"));
        let key = ssl.ex_data(self.identity).filter(|_| by_suite || ssl.session_reused());
        key.and_then(|key| key.shown.as_ref())
    }

    /// What has gone wrong, as a person wants to know it.
    fn explain(&self, error: &Error) -> TlsFault {
        if let Some(wrong) = self.wrong_name.lock().take() {
            return TlsFault(wrong);
        }
        let verdict = self.stream.ssl().verify_result();
        let reason = error.ssl_error().and_then(|errors| errors.errors().iter().find_map(|error| error.reason()));
        match reason {
            Some("certificate verify failed") if verdict != X509VerifyResult::OK => {
                TlsFault(format!("its certificate is refused: {}", verdict.error_string()))
            }
            Some("peer did not return a certificate") => TlsFault("it has shown no certificate".to_owned()),
            Some(reason @ ("wrong version number" | "http request" | "packet length too long")) => {
                TlsFault(format!("{reason}: the peer does not seem to speak TLS"))
            }
            Some(reason) => TlsFault(reason.to_owned()),
            None => TlsFault(error.to_string()),
        }
    }
}

fn refused(why: impl std::fmt::Display) -> TlsFault {
    TlsFault(why.to_string())
}

impl Engine for Connection {
    fn feed(&mut self, ciphertext: &[u8]) {
        self.records.count(ciphertext);
        let pipe = self.stream.get_mut();
        pipe.from_peer.drain(..pipe.taken);
        pipe.taken = 0;
        pipe.from_peer.extend_from_slice(ciphertext);
    }

    fn handshake(&mut self, out: &mut Vec<u8>) -> Result<Handshake, TlsFault> {
        let result = self.stream.do_handshake();
        self.give(out);
        match result {
            Ok(()) => self.check_counterpart().map(|()| Handshake::Done),
            Err(error) if error.code() == ErrorCode::WANT_READ => Ok(Handshake::Waits),
            Err(error) => Err(self.explain(&error)),
        }
    }

    fn read(&mut self, out: &mut Vec<u8>, plaintext: &mut dyn FnMut(&[u8])) -> Result<Reading, TlsFault> {
        self.buffer.resize(READ_AT_A_TIME, 0);
        let result = loop {
            match self.stream.ssl_read(&mut self.buffer) {
                Ok(count) => plaintext(self.buffer.get(..count).unwrap_or_default()),
                Err(error) => break error,
            }
        };
        // Idle connections keep no memory for it.
        self.buffer = Vec::new();
        self.give(out);
        match result.code() {
            ErrorCode::WANT_READ => Ok(Reading::Open),
            ErrorCode::ZERO_RETURN => Ok(Reading::Ended),
            _ => Err(self.explain(&result)),
        }
    }

    fn write(&mut self, mut plaintext: &[u8], out: &mut Vec<u8>) -> Result<(), TlsFault> {
        while !plaintext.is_empty() {
            match self.stream.ssl_write(plaintext) {
                Ok(count) => plaintext = plaintext.get(count..).unwrap_or_default(),
                Err(error) => {
                    self.give(out);
                    return Err(self.explain(&error));
                }
            }
        }
        self.give(out);
        Ok(())
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        // Fails only after an error that was reported.
        let _ = self.stream.shutdown();
        self.give(out);
    }

    fn has_partial_record(&self) -> bool {
        self.records.is_partial()
    }

    fn identity(&self) -> Identity {
        let ssl = self.stream.ssl();
        let certified = ssl.peer_certificate().map(|certificate| names_of(&certificate).proved());
        certified.or_else(|| self.key_identity().cloned().map(Identity::Key)).unwrap_or(Identity::Nameless)
    }

    fn describe(&self) -> String {
        let ssl = self.stream.ssl();
        let certified = ssl.peer_certificate().map(|certificate| {
            names_of(&certificate).identity().unwrap_or_else(|| "a certificate without names".to_owned())
        });
        let known = certified.or_else(|| self.key_identity().map(|identity| format!("pre-shared key of {identity}")));
        let who = known.unwrap_or_else(|| "nobody known".to_owned());
        let suite = ssl.current_cipher().map_or("no suite", |cipher| cipher.name());
        format!("{} with {}, {suite}", who.escape_debug(), ssl.version_str())
    }
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let waiting = self.from_peer.get(self.taken..).unwrap_or_default();
        if waiting.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = waiting.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), waiting.get(..count)) {
            to.copy_from_slice(from);
        }
        self.taken += count;
        if self.taken == self.from_peer.len() {
            (self.from_peer, self.taken) = (Vec::new(), 0);
        }
        Ok(count)
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.to_peer.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
