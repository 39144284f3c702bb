//! What the registrars that are asked say.

use crate::failure::Failure;
use crate::http_client::{HttpRegistrar, Said};
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::SocketAddr;

/// Pools that a screen has room for.
pub const MAX_POOLS_SHOWN: usize = 10;

/// A scope as these registrars see it; one of them at least has answered.
pub struct Scope {
    pub registrars: Vec<Asked>,
}

/// A registrar that was asked.
pub struct Asked {
    pub address: SocketAddr,
    /// Or why there is none.
    pub answer: Result<Told, String>,
}

/// What one of them says.
pub struct Told {
    /// Of itself.
    pub registrar: Value,
    /// Of the others.
    pub peers: Vec<Value>,
    pub limits: Vec<Value>,
    /// The first ones.
    pub pools: Vec<Value>,
}

/// Whether registrars know the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agreement {
    Equal,
    /// Somebody has not said yet what it knows.
    Unknown,
    Different,
}

impl Scope {
    /// Asks all of them. Nobody answers: that is the failure of the last one.
    pub fn ask(registrars: impl Iterator<Item = HttpRegistrar>) -> Result<Scope, Failure> {
        let (mut asked, mut failure) = (Vec::new(), None);
        for registrar in registrars {
            let answer = Told::ask(&registrar).map_err(|why| {
                let text = why.to_string();
                failure = Some(why);
                text
            });
            asked.push(Asked { address: registrar.address, answer });
        }
        match failure {
            Some(failure) if asked.iter().all(|asked| asked.answer.is_err()) => Err(failure),
            _ => Ok(Scope { registrars: asked }),
        }
    }

    /// Those that have answered.
    pub fn told(&self) -> impl Iterator<Item = &Told> {
        self.registrars.iter().filter_map(|asked| asked.answer.as_ref().ok())
    }

    /// All that anybody knows of.
    pub fn ids(&self) -> BTreeSet<&str> {
        self.told().flat_map(|told| told.peers.iter().map(|peer| peer.text("id")).chain([told.id()])).collect()
    }

    /// By what each one says of the others.
    pub fn agreement(&self) -> Agreement {
        let peers = || self.told().flat_map(|told| &told.peers);
        if peers().any(|peer| peer.get("agrees") == Some(&Value::Bool(false))) {
            Agreement::Different
        } else if peers().all(|peer| peer.get("agrees") == Some(&Value::Bool(true))) {
            Agreement::Equal
        } else {
            Agreement::Unknown
        }
    }
}

impl Told {
    fn ask(registrar: &HttpRegistrar) -> Result<Told, Failure> {
        Ok(Told {
            registrar: registrar.get("/api/v1/registrar")?,
            peers: registrar.list("/api/v1/registrars", "registrars")?,
            limits: registrar.list("/api/v1/limits", "limits")?,
            pools: registrar.list(&format!("/api/v1/pools?limit={MAX_POOLS_SHOWN}"), "pools")?,
        })
    }

    pub fn id(&self) -> &str {
        self.registrar.text("id")
    }

    pub fn is_ready(&self) -> bool {
        self.registrar.text("state") == "ready"
    }

    pub fn knows(&self, id: &str) -> bool {
        self.id() == id || self.peers.iter().any(|peer| peer.text("id") == id)
    }
}

/// How much of a limit is used, in percent. None: nobody is refused anything there.
pub fn use_of(limit: &Value) -> Option<u64> {
    let most = limit.number("most");
    let is_one = limit.text("when_full") == "refused" && most > 0;
    is_one.then(|| limit.number("count").saturating_mul(100) / most)
}
