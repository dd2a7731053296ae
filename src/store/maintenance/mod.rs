//! Finding what is damaged ([`verify`]), replacing a damaged manifest ([`repair`]), keeping damaged files aside
//! ([`quarantine`]), and removing what nobody needs ([`gc`]).

pub(crate) mod gc;
pub(crate) mod quarantine;
pub(crate) mod repair;
pub(crate) mod verify;
