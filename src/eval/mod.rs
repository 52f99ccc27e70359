//! The specification: what one list of rules does with one flow.
//!
//! Rules are taken in order and the first match decides (S3.1). A field of a rule matches a
//! flow, does not, or *may*, because something about the rule or the flow is unknown; a rule
//! that may match is remembered and the walk goes on, and the answer is definite only when
//! every way the unknowns could turn out gives the same one (S3.8).
//!
//! This module is short on purpose and never made fast: the compiled matcher must agree with it.
//!
//! ```
//! use nsg_engine::eval::{Verdict, evaluate};
//! use nsg_engine::model::{Direction, Flow, ResourceId, SecurityGroup};
//! use nsg_engine::resolve::{Names, Ruleset, ServiceTags};
//!
//! let group = SecurityGroup::new(ResourceId::new("nsg-vm"));
//! let names = Names::new(ServiceTags::built_in())
//!     .with_virtual_network("10.0.0.0/16".parse::<nsg_engine::net::Prefix>()?.into());
//! let ruleset = Ruleset::of_group(&group, Direction::Inbound, &names);
//!
//! let from_internet: Flow = "tcp 203.0.113.7:50000 -> 10.0.0.4:22".parse()?;
//! let decision = evaluate(&ruleset, &from_internet);
//! assert_eq!(decision.verdict(), Verdict::Deny);
//! assert_eq!(decision.rule(&ruleset).unwrap().name.as_str(), "DenyAllInBound");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod decision;
mod matching;
mod query;

pub use decision::{Decision, Outcomes, Step, Trace, Verdict};
pub use matching::{FieldMatches, Match};
pub use query::trace_query;

pub use crate::model::{Endpoint, Query, QueryError};

use crate::model::Flow;
use crate::resolve::{Rule, Ruleset};

/// What `ruleset` does with `flow`, and which rule decides.
pub fn evaluate(ruleset: &Ruleset, flow: &Flow) -> Decision {
    walk(ruleset, |rule| matching::matches(rule, flow), |_, _| ())
}

/// The same walk, with the five field matches of every rule looked at, up to and including the
/// one that decides.
pub fn trace(ruleset: &Ruleset, flow: &Flow) -> Trace {
    trace_by(ruleset, |rule| FieldMatches::of(rule, flow))
}

/// The walk over any question whose fields can be compared with a rule's.
pub(crate) fn trace_by(ruleset: &Ruleset, compare: impl Fn(&Rule) -> FieldMatches) -> Trace {
    let mut steps = Vec::new();
    let decision = walk(
        ruleset,
        |rule| compare(rule).overall(rule),
        |index, rule| {
            let fields = compare(rule);
            steps.push(Step { rule: index, fields, overall: fields.overall(rule) });
        },
    );
    Trace { steps, decision }
}

fn walk(
    ruleset: &Ruleset,
    matches: impl Fn(&Rule) -> Match,
    mut looked_at: impl FnMut(usize, &Rule),
) -> Decision {
    let mut possible = Outcomes::default();
    let mut undecided = Vec::new();
    for (index, rule) in ruleset.rules().iter().enumerate() {
        looked_at(index, rule);
        match matches(rule) {
            Match::No => {}
            Match::Unknown => {
                possible.add_rule(rule);
                undecided.push(index);
            }
            Match::Yes => {
                possible.add_rule(rule);
                return Decision { certain: Some(index), possible, undecided };
            }
        }
    }
    possible.add_fallback(ruleset.fallback());
    Decision { certain: None, possible, undecided }
}
