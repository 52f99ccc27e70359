//! Names become addresses: a [`SecurityGroup`](crate::model::SecurityGroup) and the [`Names`] that
//! hold at a place give a [`Ruleset`], the ordered list that every engine works on.
//!
//! A name without known contents stays in the rule as an [`Unresolved`]: it is never silently
//! nothing and never silently everything (S1.41).

mod names;
mod ruleset;
mod tags;
mod topology;
mod virtual_network;

pub use names::{Contents, Names};
pub use ruleset::{Dimension, Effect, Fallback, Rule, RuleKind, Ruleset, Side, Unresolved};
pub use tags::{ServiceTags, internet};
pub use topology::Topology;
