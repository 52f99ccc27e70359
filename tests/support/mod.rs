//! What several tests share.

pub(crate) mod arm;
pub(crate) mod cases;
pub(crate) mod networks;
