//! References between resources.

use crate::model::{ResourceId, Value};

/// A reference from one resource to another: an id, or the expression that stands in its place.
pub type Link = Value<ResourceId>;
