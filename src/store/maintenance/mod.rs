//! Finding what is damaged ([`verify`]), replacing a damaged manifest ([`repair`]), and removing what nobody needs ([`gc`]).

pub(crate) mod gc;
pub(crate) mod repair;
pub(crate) mod verify;
