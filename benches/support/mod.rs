//! What the benches of the classifier share: rules, keys, and the scan they are measured against.

pub(crate) mod family;
pub(crate) mod filters;
pub(crate) mod groups;
pub(crate) mod keys;
pub(crate) mod scan;
