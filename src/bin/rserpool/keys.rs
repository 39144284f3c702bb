//! `rserpool keys`: an authority, certificates and pre-shared keys for a scope, for people who have none.

use crate::failure::Failure;
use crate::{print, values};
use lexopt::prelude::*;
use rserpool::driver::clock;
use rserpool::transport::tls::issuing::{self, Issued, Subject, Validity};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::IpAddr;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

const HELP: &str = "\
Makes certificates and keys for TLS with registrars.

Usage:
  rserpool keys init [--dir DIR] [--scope NAME] [--days N]
      an authority of its own for a scope: DIR/ca.pem, which everybody gets, and DIR/ca.key, which nobody else gets
  rserpool keys issue ROLE NAME [--dir DIR] [--dns NAME] [--address ADDR] [--days N]
      a certificate by that authority: DIR/NAME.pem and DIR/NAME.key. ROLE is registrar, element or user; users check a
      registrar by the names and addresses that --dns and --address give, which may be repeated
  rserpool keys psk IDENTITY [--dir DIR]
      a pre-shared key for somebody, at the end of DIR/psk.txt; elements and registrars where TLS is required are called
      rserpool://SCOPE/element/NAME and rserpool://SCOPE/registrar/NAME
  rserpool keys show FILE
      whom a certificate is for, and until when

Options:
  --dir DIR       where the files are [.]
  --scope NAME    the operational scope [default]
  --days N        how long it is good [3650 for an authority, 365 for others]
  -h, --help      this text

Example:
  rserpool keys init --dir keys
  rserpool keys issue registrar r1 --dir keys --dns r1.example.net --address 192.0.2.1
  rserpool registrar --tls on --tls-cert keys/r1.pem --tls-key keys/r1.key --tls-ca keys/ca.pem
  RSERPOOL_TLS=require RSERPOOL_TLS_CA=keys/ca.pem rserpool resolve MyPool --registrar r1.example.net

Exit status: 0 success, 1 failure, 2 wrong usage. Files that exist are not overwritten.
";

/// Letters of a name: it becomes part of the name of a file and of a URI.
const MAX_NAME: usize = 64;
/// How far in the past a certificate begins: clocks of hosts differ.
const BACKDATED: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// A century.
const MAX_DAYS: u32 = 36_500;
/// Bytes of a pre-shared key.
const PSK_BYTES: usize = 32;

/// The rights that only the owner of a secret may have.
const OF_OTHERS: u32 = 0o077;

/// Which kind of work is asked for, and for what.
enum Work {
    Init,
    Issue { role: String, name: String },
    Psk { identity: String },
    Show { file: PathBuf },
}

struct Options {
    dir: PathBuf,
    scope: Option<String>,
    days: Option<u32>,
    dns: Vec<String>,
    addresses: Vec<IpAddr>,
}

pub fn run(parser: lexopt::Parser) -> Result<(), Failure> {
    let Some((work, options)) = parse(parser)? else { return print(HELP) };
    match work {
        Work::Init => init(&options),
        Work::Issue { role, name } => issue(&role, &name, &options),
        Work::Psk { identity } => psk(&identity, &options),
        Work::Show { file } => show(&file),
    }
}

fn parse(mut parser: lexopt::Parser) -> Result<Option<(Work, Options)>, Failure> {
    let mut words = Vec::new();
    let mut options = Options { dir: ".".into(), scope: None, days: None, dns: Vec::new(), addresses: Vec::new() };
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Long("dir") => options.dir = value(&mut parser)?.into(),
            Long("scope") => options.scope = Some(name_of(&value(&mut parser)?)?),
            Long("days") => {
                let days =
                    values::count_u32(&value(&mut parser)?).map_err(|why| Failure::Usage(format!("--days: {why}")))?;
                options.days = Some(days.min(MAX_DAYS));
            }
            Long("dns") => options.dns.push(dns_name(value(&mut parser)?)?),
            Long("address") => {
                let text = value(&mut parser)?;
                let wrong = |_| Failure::Usage(format!("--address: \"{}\" is no address", text.escape_debug()));
                options.addresses.push(text.parse().map_err(wrong)?);
            }
            Value(word) => words.push(values::text(word).map_err(Failure::Usage)?),
            other => return Err(other.unexpected().into()),
        }
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let work = match words[..] {
        ["init"] => Work::Init,
        ["issue", role @ ("registrar" | "element" | "user"), name] => {
            Work::Issue { role: role.to_owned(), name: name_of(name)? }
        }
        ["psk", identity] => Work::Psk { identity: identity_of(identity)? },
        ["show", file] => Work::Show { file: file.into() },
        _ => return Err(Failure::Usage("what is to be made? See rserpool keys --help".to_owned())),
    };
    Ok(Some((work, options)))
}

fn value(parser: &mut lexopt::Parser) -> Result<String, Failure> {
    values::text(parser.value()?).map_err(Failure::Usage)
}

/// Letters that mean nothing in names of files, URIs and lists.
fn name_of(text: &str) -> Result<String, Failure> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if text.is_empty() || text.len() > MAX_NAME || text.starts_with('.') || !text.chars().all(fits) {
        let shown = text.escape_debug();
        return Err(Failure::Usage(format!(
            "\"{shown}\" is no name of letters, digits, -, _ and ., at most {MAX_NAME}"
        )));
    }
    Ok(text.to_owned())
}

/// A name, or one that says what somebody is in a scope.
fn identity_of(text: &str) -> Result<String, Failure> {
    if let Some(uri) = text.strip_prefix("rserpool://") {
        let parts: Vec<&str> = uri.split('/').collect();
        if let [scope, "registrar" | "element" | "user", name] = parts[..] {
            name_of(scope)?;
            name_of(name)?;
            return Ok(text.to_owned());
        }
    }
    name_of(text)
}

fn dns_name(text: String) -> Result<String, Failure> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.*".contains(c);
    if text.is_empty() || !text.chars().all(fits) {
        let shown = text.escape_debug();
        return Err(Failure::Usage(format!("--dns: \"{shown}\" is no name in DNS; IDN have A-labels (xn--...)")));
    }
    Ok(text)
}

fn init(options: &Options) -> Result<(), Failure> {
    let scope = options.scope.as_deref().unwrap_or("default");
    let authority = issuing::authority(scope, validity(options.days.unwrap_or(3650))).map_err(failed)?;
    fs::create_dir_all(&options.dir)
        .map_err(|error| Failure::Failed(format!("{} cannot be made: {error}", options.dir.display())))?;
    write_both(&authority, &options.dir, "ca")?;
    print(&format!("the authority of scope {scope}: ca.pem for everybody, ca.key for nobody else\n"))
}

fn issue(role: &str, name: &str, options: &Options) -> Result<(), Failure> {
    if name == "ca" {
        return Err(Failure::Usage("\"ca\" is the authority's name".to_owned()));
    }
    if role == "registrar" && options.dns.is_empty() && options.addresses.is_empty() {
        let why = "users check a registrar by its name or address: --dns or --address is missing";
        return Err(Failure::Usage(why.to_owned()));
    }
    let (certificate, key) = (read(&options.dir.join("ca.pem"))?, read(&options.dir.join("ca.key"))?);
    let scope = issuing::describe(certificate.as_bytes()).map_err(failed)?.common_name;
    let subject = Subject {
        uri: Some(format!("rserpool://{scope}/{role}/{name}")),
        dns: options.dns.clone(),
        addresses: options.addresses.clone(),
    };
    let authority = Issued { certificate, key };
    let issued = issuing::issue(&authority, &subject, validity(options.days.unwrap_or(365))).map_err(failed)?;
    write_both(&issued, &options.dir, name)?;
    print(&format!("{name}.pem and {name}.key: {role} of scope {scope}\n"))
}

fn psk(identity: &str, options: &Options) -> Result<(), Failure> {
    let path = options.dir.join("psk.txt");
    let known = if path.exists() { read_secret(&path)? } else { String::new() };
    if known.lines().any(|line| line.rsplit_once(':').is_some_and(|(known, _)| known == identity)) {
        return Err(Failure::Failed(format!("{} has a key of {identity} already", path.display())));
    }
    // The last line may have been typed without its end.
    let end = if known.is_empty() || known.ends_with('\n') { "" } else { "\n" };
    let line = format!("{end}{identity}:{}\n", issuing::random_hex(PSK_BYTES).map_err(failed)?);
    let opened = OpenOptions::new().append(true).create(true).mode(0o600).open(&path);
    let written = opened.and_then(|mut file| file.write_all(line.as_bytes()));
    written.map_err(|error| Failure::Failed(format!("{} cannot be written: {error}", path.display())))?;
    print(&format!("{}: a key of {identity}; whoever has this line is {identity}\n", path.display()))
}

fn show(file: &Path) -> Result<(), Failure> {
    let described = issuing::describe(read(file)?.as_bytes()).map_err(failed)?;
    let kind = if described.is_authority { "authority" } else { "certificate" };
    let mut text = format!("{kind} {}\nuntil {}\n", described.common_name.escape_debug(), described.until);
    for uri in &described.names.uris {
        text += &format!("uri {}\n", uri.escape_debug());
    }
    for name in &described.names.dns {
        text += &format!("dns {}\n", name.escape_debug());
    }
    for address in &described.names.addresses {
        text += &format!("address {address}\n");
    }
    print(&text)
}

fn validity(days: u32) -> Validity {
    let now = clock::since_1970();
    Validity { from: now.saturating_sub(BACKDATED), until: now + DAY * days }
}

fn failed(fault: rserpool::transport::tls::TlsFault) -> Failure {
    Failure::Failed(fault.to_string())
}

/// A key that goes to where others read or change it is none.
fn read_secret(path: &Path) -> Result<String, Failure> {
    let failed = |error| Failure::Failed(format!("{} cannot be read: {error}", path.display()));
    let mode = fs::metadata(path).map_err(failed)?.permissions().mode() & 0o777;
    if mode & OF_OTHERS != 0 {
        let path = path.display();
        return Err(Failure::Failed(format!(
            "{path} has mode {mode:03o}, by which others than its owner may have its keys: no key is added. Make another file, or \
             `chmod 600` this one where they have not"
        )));
    }
    read(path)
}

fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| Failure::Failed(format!("{} cannot be read: {error}", path.display())))
}

/// The key first: a certificate without its key would be in the way of another try.
fn write_both(issued: &Issued, dir: &Path, name: &str) -> Result<(), Failure> {
    write_new(&dir.join(format!("{name}.key")), &issued.key, 0o600)?;
    write_new(&dir.join(format!("{name}.pem")), &issued.certificate, 0o644)
}

fn write_new(path: &Path, text: &str, mode: u32) -> Result<(), Failure> {
    let opened = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let written = opened.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| Failure::Failed(format!("{} cannot be written: {error}", path.display())))
}
