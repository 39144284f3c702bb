//! What RFC 5352 demands of a registrar, clause by clause, in virtual time.

mod announcements;
mod bad_input;
mod deregistration;
mod keep_alive;
mod overload;
mod registration;
mod resolution;
mod subscription;
mod transport;

use crate::support::registrar::*;
use rserpool::association::{LossReason, TransportKind};
use rserpool::message::AsapMessage;
use rserpool::message::asap::*;
use rserpool::registrar::{Event, OwnAddresses, RegistrarConfig, UserAddresses};
use rserpool::wire::*;
use rserpool::{AssociationId, PoolElementId, PoolHandle, RegistrarId};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
